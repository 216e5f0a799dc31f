// The grouped GEMM of float32 rounded to TF32 on the matrix units, tiles of 64 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmTf32By64 =
    gemm_kernel<"grouped_gemm_tf32_n64", MmaTile<float, 128, 64, 4, 1>,
                MmaTile<float, 32, 64, 2, 2>>();

}  // namespace gavotte::internal::cuda
