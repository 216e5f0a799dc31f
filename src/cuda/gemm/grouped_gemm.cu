// Which instantiation serves a task: by type, and by how many columns a group has.
#include "cuda/gemm/grouped_gemm.h"

#include <algorithm>

#include "cuda/gemm/grouped_gemm_launch.h"
#include "cuda/launch.h"

namespace gavotte::internal::cuda {
namespace {

const GemmKernel& narrowest(std::int64_t columns, const GemmKernel& by32, const GemmKernel& by64,
                            const GemmKernel& widest) {
  return columns <= 32 ? by32 : columns <= 64 ? by64 : widest;
}

const GemmKernel& kernel_of(const GemmTask& task) {
  std::int64_t columns = task.out_channels / task.groups;
  if (task.most_columns > 0) columns = std::min<std::int64_t>(columns, task.most_columns);
  switch (task.dtype) {
    case DType::float64:
      return kGroupedGemmF64;
    case DType::float16:
      return narrowest(columns, kGroupedGemmF16By32, kGroupedGemmF16By64, kGroupedGemmF16By128);
    case DType::bfloat16:
      return narrowest(columns, kGroupedGemmBf16By32, kGroupedGemmBf16By64, kGroupedGemmBf16By128);
    default:
      break;
  }
  if (task.tf32)
    return narrowest(columns, kGroupedGemmTf32By32, kGroupedGemmTf32By64, kGroupedGemmTf32By128);
  return narrowest(columns, kGroupedGemmF32By32, kGroupedGemmF32By64, kGroupedGemmF32By64);
}

}  // namespace

TileHeights tile_heights(const GemmTask& task) { return kernel_of(task).heights; }

std::int64_t column_tiles(const GemmTask& task) {
  return blocks_for(task.out_channels / task.groups, kernel_of(task).columns) * task.groups;
}

void launch_grouped_gemm(const Execution& execution, const GemmTask& task, const PairGemm& pairs) {
  if (task.out_channels > 0) kernel_of(task).launch({execution, task, &pairs});
}

void launch_row_gemm(const Execution& execution, const GemmTask& task, RowCount rows,
                     const Epilogue& epilogue, void* y) {
  if (task.out_channels > 0) kernel_of(task).launch({execution, task, nullptr, rows, &epilogue, y});
}

}  // namespace gavotte::internal::cuda
