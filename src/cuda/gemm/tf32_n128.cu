// The grouped GEMM of float32 rounded to TF32 on the matrix units, tiles of 128 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {
namespace {

using Tall = MmaTile<float, 128, 128, 4, 2>;
using Flat = MmaTile<float, 32, 128, 2, 4>;

void launch_kernel_of(const GemmLaunch& task) {
  launch_grouped_gemm_of<Tall, Flat>("grouped_gemm_tf32_n128", task);
}

}  // namespace

const GemmKernel kGroupedGemmTf32By128 = {
    {Tall::kRows, Flat::kRows}, Tall::kColumns, launch_kernel_of};

}  // namespace gavotte::internal::cuda
