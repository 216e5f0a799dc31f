// The grouped GEMM of bfloat16 on the matrix units, tiles of 64 columns.
#include "cuda/device/mma_tile.h"
#include "cuda/gemm/grouped_gemm_launch.cuh"

namespace gavotte::internal::cuda {
namespace {

using Tall = MmaTile<BFloat16, 128, 64, 4, 1>;
using Flat = MmaTile<BFloat16, 32, 64, 2, 2>;

void launch_kernel_of(const GemmLaunch& task) {
  launch_grouped_gemm_of<Tall, Flat>("grouped_gemm_bf16_n64", task);
}

}  // namespace

const GemmKernel kGroupedGemmBf16By64 = {
    {Tall::kRows, Flat::kRows}, Tall::kColumns, launch_kernel_of};

}  // namespace gavotte::internal::cuda
