// The grouped GEMM of float32, tiles of 32 columns.
#include "cuda/device/fma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmF32By32 =
    gemm_kernel<"grouped_gemm_f32_n32", FmaTile<float, 128, 32, 16>, FmaTile<float, 32, 32, 16>>();

}  // namespace gavotte::internal::cuda
