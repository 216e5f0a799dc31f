// The grouped GEMM of float32, tiles of 32 columns.
#include "cuda/device/fma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {
namespace {

using Tall = FmaTile<float, 128, 32, 16>;
using Flat = FmaTile<float, 32, 32, 16>;

void launch_kernel_of(const GemmLaunch& task) {
  launch_grouped_gemm_of<Tall, Flat>("grouped_gemm_f32_n32", task);
}

}  // namespace

const GemmKernel kGroupedGemmF32By32 = {
    {Tall::kRows, Flat::kRows}, Tall::kColumns, launch_kernel_of};

}  // namespace gavotte::internal::cuda
