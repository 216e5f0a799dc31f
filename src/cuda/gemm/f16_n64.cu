// The grouped GEMM of float16 on the matrix units, tiles of 64 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmF16By64 =
    gemm_kernel<"grouped_gemm_f16_n64", MmaTile<Float16, 128, 64, 4, 1>,
                MmaTile<Float16, 32, 64, 2, 2>>();

}  // namespace gavotte::internal::cuda
