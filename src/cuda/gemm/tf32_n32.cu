// The grouped GEMM of float32 rounded to TF32 on the matrix units, tiles of 32 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmTf32By32 =
    gemm_kernel<"grouped_gemm_tf32_n32", MmaTile<float, 128, 32, 4, 1>,
                MmaTile<float, 32, 32, 2, 2>>();

}  // namespace gavotte::internal::cuda
