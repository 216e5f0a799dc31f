// Dense grids: rows are spread with one write a channel; voxels are found by a scan in two passes
// over chunks of a fixed size, the first counts, the second writes where the counts say.
#include "cpu/dense.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <vector>

#include "cpu/row_blocks.h"
#include "dispatch.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

// Voxels of one channel of one batch entry of a dense [batch, C, axis 0, ...].
std::int64_t volume_of(const Shape& dense) {
  std::int64_t volume = 1;
  for (int axis = 2; axis < dense.rank(); ++axis) volume *= dense[axis];
  return volume;
}

// Turns counts into where each chunk begins; returns the total.
std::int64_t exclusive_scan(std::vector<std::int64_t>& counts) {
  const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  std::exclusive_scan(counts.begin(), counts.end(), counts.begin(), std::int64_t{0});
  return total;
}

template <class T>
void spread(const Execution& execution, const CoordinateData& set, const T* x, PerAxis origin,
            const TensorView& y) {
  const std::int64_t channels = y.shape[1];
  const std::int64_t volume = volume_of(y.shape);
  const auto* const lattice = static_cast<const std::int32_t*>(set.lattice.data());
  T* const to = static_cast<T*>(y.data);
  for_row_blocks(execution, set.rows, [&](const RowBlock& block) {
    for (std::int64_t row = block.begin; row < block.end; ++row) {
      const std::int32_t* const coordinate = lattice + row * (1 + set.dims);
      std::int64_t voxel = 0;
      for (int axis = 0; axis < set.dims; ++axis)
        voxel = voxel * y.shape[2 + axis] +
                (std::int64_t{coordinate[1 + axis]} - std::int64_t{origin[axis]});
      T* const first = to + coordinate[0] * channels * volume + voxel;
      for (std::int64_t c = 0; c < channels; ++c) first[c * volume] = x[row * channels + c];
    }
  });
}

template <class T>
class DenseScan {
 public:
  DenseScan(ConstTensorView dense, PerAxis origin)
      : data_(static_cast<const T*>(dense.data)),
        shape_(dense.shape),
        origin_(origin),
        volume_(volume_of(dense.shape)),
        chunks_per_entry_(blocks_of(volume_)) {}

  std::int64_t chunks() const { return shape_[0] * chunks_per_entry_; }

  std::int64_t count(std::int64_t chunk) const {
    std::array<std::uint8_t, kBlockRows> occupied;
    const Range range = mark(chunk, occupied);
    return std::count(occupied.begin(), occupied.begin() + range.length, 1);
  }

  /// Rows of the chunk's voxels from row `row` on.
  void write(std::int64_t chunk, std::int64_t row, std::int32_t* lattice, T* features) const {
    std::array<std::uint8_t, kBlockRows> occupied;
    const Range range = mark(chunk, occupied);
    const int dims = shape_.rank() - 2;
    const std::int64_t channels = shape_[1];
    for (std::int64_t i = 0; i < range.length; ++i) {
      if (occupied[static_cast<std::size_t>(i)] == 0) continue;
      std::int32_t* const coordinate = lattice + row * (1 + dims);
      coordinate[0] = static_cast<std::int32_t>(range.entry);
      std::int64_t rest = range.first + i;
      for (int axis = dims - 1; axis >= 0; --axis) {
        coordinate[1 + axis] = static_cast<std::int32_t>(origin_[axis] + rest % shape_[2 + axis]);
        rest /= shape_[2 + axis];
      }
      const T* const from = data_ + range.entry * channels * volume_ + range.first + i;
      for (std::int64_t c = 0; c < channels; ++c) features[row * channels + c] = from[c * volume_];
      ++row;
    }
  }

 private:
  struct Range {
    std::int64_t entry, first, length;
  };

  // occupied[i] = 1 where any channel of the chunk's voxel i is not 0; NaN is not 0.
  Range mark(std::int64_t chunk, std::array<std::uint8_t, kBlockRows>& occupied) const {
    using A = Accumulator<T>;
    const std::int64_t entry = chunk / chunks_per_entry_;
    const std::int64_t first = chunk % chunks_per_entry_ * kBlockRows;
    const std::int64_t length = std::min(kBlockRows, volume_ - first);
    std::fill_n(occupied.begin(), length, std::uint8_t{0});
    for (std::int64_t c = 0; c < shape_[1]; ++c) {
      const T* const from = data_ + (entry * shape_[1] + c) * volume_ + first;
      for (std::int64_t i = 0; i < length; ++i)
        occupied[static_cast<std::size_t>(i)] |=
            static_cast<std::uint8_t>(static_cast<A>(from[i]) != A{0});
    }
    return {entry, first, length};
  }

  const T* data_;
  Shape shape_;
  PerAxis origin_;
  std::int64_t volume_, chunks_per_entry_;
};

}  // namespace

void to_dense(const Execution& execution, const CoordinateData& set, ConstTensorView x,
              PerAxis origin, TensorView y) {
  constexpr std::int64_t kBytes = 256 * 1024;
  const std::int64_t bytes = y.bytes();
  parallel_for(execution, (bytes + kBytes - 1) / kBytes, [&](std::int64_t task, int) {
    std::memset(static_cast<std::byte*>(y.data) + task * kBytes, 0,
                static_cast<std::size_t>(std::min(kBytes, bytes - task * kBytes)));
  });
  dispatch_floating(y.dtype, [&]<class T>() {
    spread(execution, set, static_cast<const T*>(x.data), origin, y);
  });
}

void from_dense(const Execution& execution, ConstTensorView dense, PerAxis origin, Tensor& lattice,
                Tensor& features) {
  dispatch_floating(dense.dtype, [&]<class T>() {
    const DenseScan<T> scan(dense, origin);
    std::vector<std::int64_t> first_row(static_cast<std::size_t>(scan.chunks()));
    parallel_for(execution, scan.chunks(), [&](std::int64_t chunk, int) {
      first_row[static_cast<std::size_t>(chunk)] = scan.count(chunk);
    });
    const std::int64_t rows = exclusive_scan(first_row);
    lattice = Tensor(execution, DType::int32, {rows, dense.shape.rank() - 1});
    features = Tensor(execution, dense.dtype, {rows, dense.shape[1]});
    parallel_for(execution, scan.chunks(), [&](std::int64_t chunk, int) {
      scan.write(chunk, first_row[static_cast<std::size_t>(chunk)],
                 static_cast<std::int32_t*>(lattice.data()), static_cast<T*>(features.data()));
    });
  });
}

Tensor kept_rows(const Execution& execution, ConstTensorView keep) {
  const std::int64_t count = keep.rows();
  const auto* const kept = static_cast<const std::uint8_t*>(keep.data);
  std::vector<std::int64_t> first(static_cast<std::size_t>(blocks_of(count)));
  const auto for_each_kept = [&](const RowBlock& block, auto&& body) {
    for (std::int64_t row = block.begin; row < block.end; ++row)
      if (kept[row] != 0) body(row);
  };
  for_row_blocks(execution, count, [&](const RowBlock& block) {
    std::int64_t found = 0;
    for_each_kept(block, [&](std::int64_t) { ++found; });
    first[block.index] = found;
  });
  Tensor rows(DType::int32, {exclusive_scan(first)});
  auto* const to = static_cast<std::int32_t*>(rows.data());
  for_row_blocks(execution, count, [&](const RowBlock& block) {
    std::int32_t* next = to + first[block.index];
    for_each_kept(block, [&](std::int64_t row) { *next++ = static_cast<std::int32_t>(row); });
  });
  return rows;
}

}  // namespace gavotte::internal::cpu
