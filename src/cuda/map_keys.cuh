// Keys of both sides of a kernel map in key order, and the parts of its table that the search does
// not write.
//
// A coarse coordinate whose window does not lie in the box cannot have a pair, yet its key must keep
// its place among the others. It takes the key of a margin: a value just outside on the first axis
// that leaves the box, which no window of the other side reaches. Keys stay ascending, and none is
// dropped.
#pragma once

#include "cuda/device/kernel.h"
#include "cuda/device/searched_offsets.h"
#include "cuda/device/stop.h"
#include "keys.h"

namespace gavotte::internal::cuda {

/// One side: keys[i] is the key of row order[i], or of row i.
template <class Key>
struct KeySide {
  const std::int32_t* lattice = nullptr;  ///< [rows, columns]
  const std::int32_t* order = nullptr;
  RowCount rows;  ///< A bound of 0: this side has no keys of its own.
  Key* keys = nullptr;
  std::int64_t scale[1 + kMaxDims] = {1, 1, 1, 1, 1};  ///< value = coordinate * scale + shift
  std::int64_t shift[1 + kMaxDims] = {};
};

template <class Key>
struct WriteKeysArgs {
  KeySide<Key> targets, queries;
  KeyLayout layout;
  std::int64_t lower[1 + kMaxDims] = {};  ///< Values outside [lower, upper] go to the margin.
  std::int64_t upper[1 + kMaxDims] = {};
  // Cleared on the way: rows of the table that mirrored matches are written to, flags that are OR-ed.
  SearchedOffsets searched;
  std::int32_t* table = nullptr;  ///< [K, table_rows]; null: nothing to clear.
  std::int64_t table_rows = 0;
  std::uint32_t* flags = nullptr;
  std::int64_t flag_words = 0;
};

template <class Key>
GAVOTTE_DEVICE void write_key(const WriteKeysArgs<Key>& args, const KeySide<Key>& side,
                              std::int64_t i) {
  const int columns = args.layout.columns;
  const std::int64_t row = side.order != nullptr ? side.order[i] : i;
  const std::int32_t* coordinate = side.lattice + row * columns;
  std::int64_t values[1 + kMaxDims] = {};
  bool outside = false;
  for (int c = 0; c < 1 + kMaxDims; ++c) {  // constant bounds: values stay in registers
    if (c >= columns) break;
    const std::int64_t value = coordinate[c] * side.scale[c] + side.shift[c];
    if (outside) {
      values[c] = args.lower[c];
    } else {
      const bool below = value<args.lower[c], above = value> args.upper[c];
      values[c] = below ? args.lower[c] - 1 : above ? args.upper[c] + 1 : value;
      outside = below || above;
    }
  }
  side.keys[i] = args.layout.template key<Key>(values);
}

/// Bytes a voxel and side, D = 3: coordinates 16, order 4 where rows are in another order, key 4 or
/// 8; clearing 4 * 13 for a mirrored 3x3x3 table. All but the coordinates of unordered rows are
/// coalesced: the floor.
template <class Key>
GAVOTTE_KERNEL void write_keys_kernel(WriteKeysArgs<Key> args, Stop stop) {
  for_each_item(args.targets.rows.get(), stop,
                [&](std::int64_t i) { write_key(args, args.targets, i); });
  for_each_item(args.queries.rows.get(), stop,
                [&](std::int64_t i) { write_key(args, args.queries, i); });
  for_each_item(args.flag_words, stop, [&](std::int64_t i) { args.flags[i] = 0; });
  if (args.table == nullptr) return;
  for (int k = 0; k < args.searched.offsets; ++k) {
    if (args.searched.contains(k)) continue;
    std::int32_t* row = args.table + k * args.table_rows;
    for_each_item(args.table_rows, stop, [&](std::int64_t i) { row[i] = -1; });
  }
}

}  // namespace gavotte::internal::cuda
