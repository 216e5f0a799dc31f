// Kernels between sparse rows and dense grids, and of the rows that a mask keeps. Voxels and mask
// rows are marked one bit each, 32 to a word; words are counted and scanned; bits below a bit in its
// word say where it goes. Bytes: the dense values once and N C s for those kept, 12 for 32 voxels.
#pragma once

#include "cuda/device/kernel.h"
#include "cuda/device/row_lanes.h"
#include "cuda/device/rows.h"
#include "gavotte/shape.h"

namespace gavotte::internal::cuda {

/// A dense [entries, channels, axis 0, ...] with lattice coordinate `origin` at index 0.
struct DenseGrid {
  int dims = 0;
  std::int64_t entries = 0, channels = 0;
  std::int64_t volume = 1;  ///< Voxels of one channel of one entry.
  std::int64_t extent[kMaxDims] = {1, 1, 1, 1};
  std::int32_t origin[kMaxDims] = {};

  GAVOTTE_HOST_DEVICE std::int64_t voxels() const { return entries * volume; }
  /// The first element of a voxel's values, which lie `volume` apart.
  GAVOTTE_DEVICE std::int64_t at(std::int64_t entry, std::int64_t voxel) const {
    return entry * channels * volume + voxel;
  }
};

template <class Bits>
struct SpreadRowsArgs {
  DenseGrid grid;
  const std::int32_t* lattice;  ///< [rows, 1 + dims]
  const Bits* x;                ///< [rows, channels]
  RowCount rows;
  RowLanes lanes;  ///< Of channels.
  Bits* y;
};

/// y[batch, c, coordinate - origin] = x[row, c]
template <class Bits>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kRowThreads)
    spread_rows_kernel(SpreadRowsArgs<Bits> args) {
  const DenseGrid& grid = args.grid;
  for_each_row_item(
      args.lanes, args.rows.get(), grid.channels, [&](std::int64_t row, std::int64_t channel) {
        const std::int32_t* coordinate = row_of(args.lattice, row, 1 + grid.dims);
        std::int64_t voxel = 0;
        for (int axis = 0; axis < kMaxDims; ++axis) {
          if (axis >= grid.dims) break;
          voxel =
              voxel * grid.extent[axis] + (std::int64_t{coordinate[1 + axis]} - grid.origin[axis]);
        }
        args.y[grid.at(coordinate[0], voxel) + channel * grid.volume] =
            args.x[element_at(row, grid.channels, channel)];
      });
}

/// What marks of `count` items are written to.
struct Marks {
  std::int64_t count = 0;
  std::uint32_t* words = nullptr;  ///< [ceil(count / 32)] Bit i % 32 of word i / 32: item i.
  std::int64_t* first = nullptr;   ///< [words + 1] Marks of the word; then those of words before.
};

inline constexpr std::int64_t marks_words(std::int64_t count) {
  return (count + kWarpThreads - 1) / kWarpThreads;
}

/// Marks each item where body(item). The last of `first` becomes 0, so that a scan ends in the total.
template <class Body>
GAVOTTE_DEVICE void mark_each(const Marks& marks, Body&& body) {
  const std::int64_t words = marks_words(marks.count);
  // A warp takes a whole word in each step, so that all lanes vote.
  for (std::int64_t word = grid_thread() / kWarpThreads; word < words;
       word += grid_threads() / kWarpThreads) {
    const std::int64_t item = word * kWarpThreads + lane_index();
    const unsigned bits = ballot(kFullMask, item < marks.count && body(item));
    if (lane_index() != 0) continue;
    marks.words[word] = bits;
    marks.first[word] = count_bits(bits);
  }
  if (grid_thread() == 0) marks.first[words] = 0;
}

/// Calls body(item, position) for each marked item, position = how many are marked before it.
template <class Body>
GAVOTTE_DEVICE void for_each_mark(const Marks& marks, Body&& body) {
  for (std::int64_t item = grid_thread(); item < marks.count; item += grid_threads()) {
    const std::int64_t word = item / kWarpThreads;
    const auto bit = static_cast<unsigned>(item % kWarpThreads);
    const std::uint32_t bits = marks.words[word];
    if ((bits >> bit & 1U) == 0) continue;
    body(item, marks.first[word] + count_bits(bits & ((1U << bit) - 1U)));
  }
}

struct MarkKeptArgs {
  const std::uint8_t* keep;  ///< [marks.count]
  Marks marks;
};

GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kRowThreads) mark_kept_kernel(MarkKeptArgs args) {
  mark_each(args.marks, [&](std::int64_t row) { return args.keep[row] != 0; });
}

struct WriteKeptArgs {
  Marks marks;
  std::int32_t* rows;
};

GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kRowThreads) write_kept_kernel(WriteKeptArgs args) {
  for_each_mark(args.marks, [&](std::int64_t row, std::int64_t position) {
    args.rows[position] = static_cast<std::int32_t>(row);
  });
}

template <class Bits>
struct MarkVoxelsArgs {
  DenseGrid grid;
  const Bits* dense;
  Marks marks;
};

/// Marks voxels where any channel is not 0. Floating-point values as bits: without the sign only the
/// zeros are 0; NaN is not.
template <class Bits>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kRowThreads)
    mark_voxels_kernel(MarkVoxelsArgs<Bits> args) {
  const DenseGrid& grid = args.grid;
  mark_each(args.marks, [&](std::int64_t item) {
    const std::int64_t entry = item / grid.volume;
    const Bits* value = args.dense + grid.at(entry, item - entry * grid.volume);
    for (std::int64_t c = 0; c < grid.channels; ++c, value += grid.volume)
      if (static_cast<Bits>(*value << 1) != 0) return true;
    return false;
  });
}

template <class Bits>
struct WriteVoxelsArgs {
  DenseGrid grid;
  const Bits* dense;
  Marks marks;
  std::int32_t* lattice;  ///< [marked, 1 + dims]
  Bits* features;         ///< [marked, channels]
};

template <class Bits>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kRowThreads)
    write_voxels_kernel(WriteVoxelsArgs<Bits> args) {
  const DenseGrid& grid = args.grid;
  for_each_mark(args.marks, [&](std::int64_t item, std::int64_t position) {
    const std::int64_t entry = item / grid.volume, voxel = item - entry * grid.volume;
    std::int32_t* coordinate = row_of(args.lattice, position, 1 + grid.dims);
    coordinate[0] = static_cast<std::int32_t>(entry);
    std::int64_t rest = voxel;
    for (int axis = kMaxDims - 1; axis >= 0; --axis) {
      if (axis >= grid.dims) continue;
      coordinate[1 + axis] =
          static_cast<std::int32_t>(grid.origin[axis] + rest % grid.extent[axis]);
      rest /= grid.extent[axis];
    }
    const Bits* value = args.dense + grid.at(entry, voxel);
    Bits* to = row_of(args.features, position, grid.channels);
    for (std::int64_t c = 0; c < grid.channels; ++c) to[c] = value[c * grid.volume];
  });
}

}  // namespace gavotte::internal::cuda
