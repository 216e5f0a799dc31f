// The launcher that exchanges rows and columns.
#include "cuda/transpose.h"

#include "cuda/row_launch.h"
#include "cuda/runtime.h"
#include "cuda/transpose.cuh"

namespace gavotte::internal::cuda {
namespace {

template <class Word>
void launch_transpose(const Execution& execution, const char* name, const TransposeShape& shape,
                      const void* x, void* y) {
  const std::int64_t tiles = shape.batches * shape.groups * blocks_for(shape.rows, kTransposeTile) *
                             blocks_for(shape.columns, kTransposeTile);
  launch(name, execution.stream.handle,
         {.blocks = grid_for(tiles, 1),
          .threads = kTransposeThreads,
          .shared_bytes = sizeof(TransposeShared<Word>)},
         transpose_kernel<Word>,
         {static_cast<const Word*>(x), static_cast<Word*>(y), shape.batches, shape.groups,
          shape.rows, shape.columns});
}

}  // namespace

void transpose(const Execution& execution, const TransposeShape& shape, DType dtype, const void* x,
               void* y) {
  use_device(execution.device.index);
  switch (size_bytes(dtype)) {
    case 1:
      return launch_transpose<std::uint8_t>(execution, "transpose_1", shape, x, y);
    case 2:
      return launch_transpose<std::uint16_t>(execution, "transpose_2", shape, x, y);
    case 4:
      return launch_transpose<std::uint32_t>(execution, "transpose_4", shape, x, y);
    default:
      return launch_transpose<std::uint64_t>(execution, "transpose_8", shape, x, y);
  }
}

void transpose(const Execution& execution, ConstTensorView x, TensorView y) {
  transpose(execution, {.rows = x.shape[0], .columns = x.shape[1]}, x.dtype, x.data, y.data);
}

}  // namespace gavotte::internal::cuda
