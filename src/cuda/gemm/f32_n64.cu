// The grouped GEMM of float32, tiles of 64 columns.
#include "cuda/device/fma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmF32By64 =
    gemm_kernel<"grouped_gemm_f32_n64", FmaTile<float, 128, 64, 16>, FmaTile<float, 32, 64, 16>>();

}  // namespace gavotte::internal::cuda
