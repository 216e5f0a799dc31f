#include "cuda/map_keys.h"

#include <algorithm>

#include "cuda/coordinates.h"
#include "cuda/kernel_name.h"
#include "cuda/map_keys.cuh"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {
namespace {

/// The values that a window's smallest corner takes where the window meets the fine set's box.
Box corners_of(const MapSides& sides) {
  Box box = sides.fine.box;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(sides.geometry.dims); ++axis)
    box.lower[axis + 1] -= sides.reach.upper[axis] - sides.reach.lower[axis];
  return box;
}

template <class Key>
KeySide<Key> side_of(const MapSides& sides, const CoordinateData& set, bool is_coarse, Key* keys) {
  KeySide<Key> side;
  if (keys == nullptr) return side;
  side.lattice = static_cast<const std::int32_t*>(set.lattice.data());
  side.order = set.order ? static_cast<const std::int32_t*>(set.order.data()) : nullptr;
  side.rows = rows_of(set);
  side.keys = keys;
  if (!is_coarse || sides.shared_keys) return side;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(sides.geometry.dims); ++axis) {
    side.scale[axis + 1] = sides.geometry.scale[axis];
    side.shift[axis + 1] = sides.reach.lower[axis];
  }
  return side;
}

}  // namespace

MapSides::MapSides(const Geometry& of, const CoordinateData& in, const CoordinateData& out)
    : geometry(of),
      input(in),
      output(out),
      coarse(of.output_is_fine ? in : out),
      fine(of.output_is_fine ? out : in),
      same_set(&in == &out),
      reach(reach_of(of)) {
  Box box = guarded_box(fine.box, reach, of.dims);
  has_margin = !windows_inside(coarse.box, of, reach, box);
  shared_keys = same_set && of.scale == AxisOffset{1, 1, 1, 1} && !has_margin;
  for (std::size_t c = 0; c < static_cast<std::size_t>(1 + of.dims) && has_margin; ++c) {
    box.lower[c] -= 1;
    box.upper[c] += 1;
  }
  layout = KeyLayout::of(box, of.dims);
}

AxisOffset MapSides::difference(int offset) const {
  AxisOffset result = geometry.offsets[static_cast<std::size_t>(offset)];
  for (std::size_t axis = 0; axis < kMaxDims; ++axis) {
    if (!shared_keys) result[axis] -= reach.lower[axis];
    if (geometry.output_is_fine) result[axis] = -result[axis];
  }
  return result;
}

template <class Key>
void write_keys(const Execution& execution, const MapSides& sides, const SearchedOffsets& searched,
                const Cleared& cleared, Key* targets, Key* queries) {
  WriteKeysArgs<Key> args;
  args.targets = side_of(sides, sides.input, sides.geometry.output_is_fine, targets);
  args.queries = side_of(sides, sides.output, !sides.geometry.output_is_fine, queries);
  args.layout = sides.layout;
  // The fine side lies inside these bounds wholly.
  const Box corners = corners_of(sides);
  std::copy(corners.lower.begin(), corners.lower.end(), args.lower);
  std::copy(sides.fine.box.upper.begin(), sides.fine.box.upper.end(), args.upper);
  if (!sides.has_margin) {  // every corner has a key
    std::copy(sides.layout.lower.begin(), sides.layout.lower.end(), args.lower);
    for (std::size_t c = 0; c < 1 + kMaxDims; ++c)
      args.upper[c] = args.lower[c] + static_cast<std::int64_t>(sides.layout.extent[c]) - 1;
  }
  args.searched = searched;
  args.table = cleared.table;
  args.table_rows = cleared.table_rows;
  args.flags = cleared.flags;
  args.flag_words = cleared.flag_words;
  const std::int64_t items = std::max(
      {args.targets.rows.bound, args.queries.rows.bound, cleared.table_rows, cleared.flag_words});
  launch(kernel_name<"write_keys", 0, Key>(), execution.stream.handle, shape_of_items(items),
         write_keys_kernel<Key>, args);
}

template void write_keys(const Execution&, const MapSides&, const SearchedOffsets&, const Cleared&,
                         Key32*, Key32*);
template void write_keys(const Execution&, const MapSides&, const SearchedOffsets&, const Cleared&,
                         Key64*, Key64*);
template void write_keys(const Execution&, const MapSides&, const SearchedOffsets&, const Cleared&,
                         Key128*, Key128*);
template void write_keys(const Execution&, const MapSides&, const SearchedOffsets&, const Cleared&,
                         Key192*, Key192*);

}  // namespace gavotte::internal::cuda
