// The launcher that exchanges rows and columns.
#include "cuda/transpose.h"

#include "cuda/row_launch.h"
#include "cuda/transpose.cuh"

namespace gavotte::internal::cuda {
namespace {

template <class Word>
void launch_transpose_matrix(const Execution& execution, const char* name, ConstTensorView x,
                             TensorView y) {
  const std::int64_t rows = x.shape[0], columns = x.shape[1];
  const std::int64_t tiles = blocks_for(rows, kTransposeTile) * blocks_for(columns, kTransposeTile);
  launch(name, execution.stream.handle,
         {.blocks = grid_for(tiles, 1),
          .threads = kTransposeThreads,
          .shared_bytes = sizeof(TransposeShared<Word>)},
         transpose_matrix_kernel<Word>,
         {static_cast<const Word*>(x.data), static_cast<Word*>(y.data), rows, columns});
}

}  // namespace

void transpose(const Execution& execution, ConstTensorView x, TensorView y) {
  use_device(execution.device.index);
  switch (size_bytes(x.dtype)) {
    case 1:
      return launch_transpose_matrix<std::uint8_t>(execution, "transpose_matrix_1", x, y);
    case 2:
      return launch_transpose_matrix<std::uint16_t>(execution, "transpose_matrix_2", x, y);
    case 4:
      return launch_transpose_matrix<std::uint32_t>(execution, "transpose_matrix_4", x, y);
    default:
      return launch_transpose_matrix<std::uint64_t>(execution, "transpose_matrix_8", x, y);
  }
}

}  // namespace gavotte::internal::cuda
