// The grouped GEMM of float32 rounded to TF32 on the matrix units, tiles of 128 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmTf32By128 =
    gemm_kernel<"grouped_gemm_tf32_n128", MmaTile<float, 128, 128, 4, 2>,
                MmaTile<float, 32, 128, 2, 4>>();

}  // namespace gavotte::internal::cuda
