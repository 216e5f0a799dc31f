// The grouped GEMM of float16 on the matrix units, tiles of 128 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmF16By128 =
    gemm_kernel<"grouped_gemm_f16_n128", MmaTile<Float16, 128, 128, 4, 2>,
                MmaTile<Float16, 32, 128, 2, 4>>();

}  // namespace gavotte::internal::cuda
