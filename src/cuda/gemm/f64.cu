// The grouped GEMM of float64.
#include "cuda/device/fma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {
namespace {

using Tall = FmaTile<double, 64, 64, 16>;
using Flat = FmaTile<double, 32, 64, 16>;

void launch_kernel_of(const GemmLaunch& task) {
  launch_grouped_gemm_of<Tall, Flat>("grouped_gemm_f64", task);
}

}  // namespace

const GemmKernel kGroupedGemmF64 = {{Tall::kRows, Flat::kRows}, Tall::kColumns, launch_kernel_of};

}  // namespace gavotte::internal::cuda
