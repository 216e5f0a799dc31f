// The grouped GEMM of float32 rounded to TF32 on the matrix units, tiles of 64 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {
namespace {

using Tall = MmaTile<float, 128, 64, 4, 1>;
using Flat = MmaTile<float, 32, 64, 2, 2>;

void launch_kernel_of(const GemmLaunch& task) {
  launch_grouped_gemm_of<Tall, Flat>("grouped_gemm_tf32_n64", task);
}

}  // namespace

const GemmKernel kGroupedGemmTf32By64 = {
    {Tall::kRows, Flat::kRows}, Tall::kColumns, launch_kernel_of};

}  // namespace gavotte::internal::cuda
