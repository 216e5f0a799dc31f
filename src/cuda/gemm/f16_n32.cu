// The grouped GEMM of float16 on the matrix units, tiles of 32 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmF16By32 =
    gemm_kernel<"grouped_gemm_f16_n32", MmaTile<Float16, 128, 32, 4, 1>,
                MmaTile<Float16, 32, 32, 2, 2>>();

}  // namespace gavotte::internal::cuda
