// Launchers between sparse rows and dense grids, and of the rows that a mask keeps.
#include "cuda/dense.h"

#include "cuda/dense.cuh"
#include "cuda/kernel_name.h"
#include "cuda/memory.h"
#include "cuda/primitives.h"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {
namespace {

DenseGrid grid_of(const Shape& dense, const PerAxis& origin) {
  DenseGrid grid;
  grid.dims = dense.rank() - 2;
  grid.entries = dense[0];
  grid.channels = dense[1];
  for (int axis = 0; axis < grid.dims; ++axis) {
    grid.extent[axis] = dense[2 + axis];
    grid.volume *= dense[2 + axis];
    grid.origin[axis] = origin[axis];
  }
  return grid;
}

/// Values are only moved and compared with 0: their bits do.
template <class Body>
void dispatch_bits(DType dtype, Body&& body) {
  switch (size_bytes(dtype)) {
    case 2:
      return body.template operator()<std::uint16_t>();
    case 4:
      return body.template operator()<std::uint32_t>();
    default:
      return body.template operator()<std::uint64_t>();
  }
}

template <class Bits>
constexpr int kBits = 8 * static_cast<int>(sizeof(Bits));

/// Memory for the marks of `count` items, and what becomes of them.
class MarkBuffer {
 public:
  MarkBuffer(const Execution& execution, std::int64_t count)
      : execution_(execution),
        count_(count),
        words_(execution, marks_words(count)),
        first_(execution, marks_words(count) + 1) {}
  Marks marks() { return {count_, words_.get(), first_.get()}; }
  /// After the marks are made: where each goes.
  void scan() { exclusive_scan(execution_, first_.get(), first_.get(), marks_words(count_) + 1); }
  /// After scan(). Waits for the stream.
  std::int64_t read_total() const {
    return read_back(execution_, first_.get() + marks_words(count_), 1).front();
  }

 private:
  Execution execution_;
  std::int64_t count_;
  Scratch<std::uint32_t> words_;
  Scratch<std::int64_t> first_;
};

LaunchShape shape_of_marks(std::int64_t count) {
  return shape_of_items(marks_words(count) * kWarpThreads);
}

}  // namespace

void to_dense(const Execution& execution, const CoordinateData& set, ConstTensorView x,
              PerAxis origin, TensorView y) {
  use_device(execution.device.index);
  fill_bytes(execution.stream.handle, y.data, 0, y.bytes());
  const DenseGrid grid = grid_of(y.shape, origin);
  const RowLanes lanes = RowLanes::for_items(grid.channels);
  dispatch_bits(y.dtype, [&]<class Bits>() {
    launch(kernel_name<"spread_rows", kBits<Bits>>(), execution.stream.handle,
           shape_of_rows(lanes, set.rows, grid.channels), spread_rows_kernel<Bits>,
           SpreadRowsArgs<Bits>{grid, static_cast<const std::int32_t*>(set.lattice.data()),
                                static_cast<const Bits*>(x.data), RowCount{set.rows}, lanes,
                                static_cast<Bits*>(y.data)});
  });
}

void from_dense(const Execution& execution, ConstTensorView dense, PerAxis origin, Tensor& lattice,
                Tensor& features) {
  use_device(execution.device.index);
  const DenseGrid grid = grid_of(dense.shape, origin);
  dispatch_bits(dense.dtype, [&]<class Bits>() {
    const auto* values = static_cast<const Bits*>(dense.data);
    MarkBuffer buffer(execution, grid.voxels());
    std::int64_t rows = 0;
    if (grid.voxels() > 0) {
      launch(kernel_name<"mark_voxels", kBits<Bits>>(), execution.stream.handle,
             shape_of_marks(grid.voxels()), mark_voxels_kernel<Bits>,
             MarkVoxelsArgs<Bits>{grid, values, buffer.marks()});
      buffer.scan();
      rows = buffer.read_total();
    }
    lattice = make_tensor(execution, DType::int32, {rows, 1 + grid.dims});
    features = make_tensor(execution, dense.dtype, {rows, grid.channels});
    launch(kernel_name<"write_voxels", kBits<Bits>>(), execution.stream.handle,
           shape_of_items(grid.voxels()), write_voxels_kernel<Bits>,
           WriteVoxelsArgs<Bits>{grid, values, buffer.marks(),
                                 static_cast<std::int32_t*>(lattice.data()),
                                 static_cast<Bits*>(features.data())});
  });
}

Tensor kept_rows(const Execution& execution, ConstTensorView keep) {
  use_device(execution.device.index);
  const std::int64_t count = keep.rows();
  if (count == 0) return make_tensor(execution, DType::int32, {0});
  MarkBuffer buffer(execution, count);
  launch("mark_kept", execution.stream.handle, shape_of_marks(count), mark_kept_kernel,
         MarkKeptArgs{static_cast<const std::uint8_t*>(keep.data), buffer.marks()});
  buffer.scan();
  Tensor rows = make_tensor(execution, DType::int32, {buffer.read_total()});
  launch("write_kept", execution.stream.handle, shape_of_items(count), write_kept_kernel,
         WriteKeptArgs{buffer.marks(), static_cast<std::int32_t*>(rows.data())});
  return rows;
}

}  // namespace gavotte::internal::cuda
