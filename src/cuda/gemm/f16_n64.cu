// The grouped GEMM of float16 on the matrix units, tiles of 64 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {
namespace {

using Tall = MmaTile<Float16, 128, 64, 4, 1>;
using Flat = MmaTile<Float16, 32, 64, 2, 2>;

void launch_kernel_of(const GemmLaunch& task) {
  launch_grouped_gemm_of<Tall, Flat>("grouped_gemm_f16_n64", task);
}

}  // namespace

const GemmKernel kGroupedGemmF16By64 = {
    {Tall::kRows, Flat::kRows}, Tall::kColumns, launch_kernel_of};

}  // namespace gavotte::internal::cuda
