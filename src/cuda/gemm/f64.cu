// The grouped GEMM of float64.
#include "cuda/device/fma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {

const GemmKernel kGroupedGemmF64 =
    gemm_kernel<"grouped_gemm_f64", FmaTile<double, 64, 64, 16>, FmaTile<double, 32, 64, 16>>();

}  // namespace gavotte::internal::cuda
