// The grouped GEMM of bfloat16 on the matrix units, tiles of 32 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmBf16By32 =
    gemm_kernel<"grouped_gemm_bf16_n32", MmaTile<BFloat16, 128, 32, 4, 1>,
                MmaTile<BFloat16, 32, 32, 2, 2>>();

}  // namespace gavotte::internal::cuda
