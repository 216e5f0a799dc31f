// Kernel map by walking columns. Offsets that differ only in the last axis form a column: one binary
// search for the lowest of them, then a walk over the next few keys, 9 searches for 3x3x3 instead
// of 27. Guard bands make it exact: a key of another column can never equal the one looked for.
//
// A block takes a tile of neighbouring queries. Their targets in a column are neighbours too: the
// borders of that run are found once, the run is staged in shared memory (or read from global
// memory where it is too long), and each query searches in it.
#pragma once

#include "cuda/device/sorted_keys.h"
#include "cuda/device/stop.h"
#include "cuda/map_search.h"

namespace gavotte::internal::cuda {

/// Offsets of a launch by column: members [begin[c], begin[c + 1]), lowest first.
template <class Key>
struct SearchColumns {
  int count = 0;
  std::int16_t begin[kLaunchOffsets + 1] = {};
  std::int16_t offset[kLaunchOffsets] = {};
  Key step[kLaunchOffsets] = {};
};

template <class Key>
struct WalkColumnsArgs {
  const Key* queries;
  const Key* targets;
  RowCount query_count, target_count;
  MatchSink sink;
  SearchColumns<Key> columns;
  int tile;      ///< Queries of a block, a multiple of 32.
  int capacity;  ///< Keys that shared memory holds.
};

/// Then the staged keys.
struct alignas(16) WalkColumnsShared {
  std::int32_t begin[kLaunchOffsets];  ///< Of each column: the targets that its tile may match.
  std::int32_t end[kLaunchOffsets];
  std::int32_t staged[kLaunchOffsets];  ///< Where they are staged, or -1.
};

/// The targets from the first query's lowest to the last query's highest, for each column.
template <class Key>
GAVOTTE_DEVICE void find_column_borders(const WalkColumnsArgs<Key>& args, std::int64_t first,
                                        std::int64_t last, WalkColumnsShared& shared) {
  const auto& columns = args.columns;
  const auto targets = static_cast<std::int32_t>(args.target_count.get());
  for (int i = thread_index(); i < 2 * columns.count; i += block_threads()) {
    const int column = i / 2;
    const bool is_end = i % 2 == 1;
    const int member = is_end ? columns.begin[column + 1] - 1 : columns.begin[column];
    const Key wanted = args.queries[is_end ? last : first] + columns.step[member];
    const std::int32_t at = lower_bound(args.targets, 0, targets, wanted);
    if (is_end)
      shared.end[column] = at < targets ? at + 1 : targets;
    else
      shared.begin[column] = at;
  }
}

/// Copies the columns' targets to shared memory as long as they fit.
template <class Key>
GAVOTTE_DEVICE void stage_columns(const WalkColumnsArgs<Key>& args, WalkColumnsShared& shared,
                                  Key* staged) {
  int used = 0;
  for (int column = 0; column < args.columns.count; ++column) {
    const std::int32_t begin = shared.begin[column], length = shared.end[column] - begin;
    const bool fits = length <= args.capacity - used;
    if (thread_index() == 0) shared.staged[column] = fits ? used : -1;
    if (!fits) continue;
    for (std::int32_t i = thread_index(); i < length; i += block_threads())
      staged[used + i] = args.targets[begin + i];
    used += length;
  }
}

/// The queries [tile_begin, tile_end).
template <class Key>
GAVOTTE_DEVICE void walk_tile(const WalkColumnsArgs<Key>& args, std::int64_t tile_begin,
                              std::int64_t tile_end, WalkColumnsShared& shared, Key* staged) {
  const auto& columns = args.columns;
  find_column_borders(args, tile_begin, tile_end - 1, shared);
  sync_block();
  stage_columns(args, shared, staged);
  sync_block();

  // A warp works on 32 neighbouring queries of one column: the tile is a multiple of 32.
  for (int item = thread_index(); item < args.tile * columns.count; item += block_threads()) {
    const int column = item / args.tile;
    const std::int64_t query = tile_begin + item % args.tile;
    const bool live = query < tile_end;
    const std::int32_t begin = shared.begin[column], length = shared.end[column] - begin;
    const std::int32_t place = shared.staged[column];
    const Key* keys = place >= 0 ? staged + place : args.targets + begin;

    Key key = {};
    std::int64_t row = 0;
    std::int32_t at = length;
    if (live) {
      key = args.queries[query];
      row = args.sink.query_row(query);
      at = lower_bound(keys, 0, length, key + columns.step[columns.begin[column]]);
    }
    for (int member = columns.begin[column]; member < columns.begin[column + 1]; ++member) {
      const Key wanted = key + columns.step[member];
      while (at < length && keys[at] < wanted) ++at;
      const bool match = at < length && keys[at] == wanted;
      const int offset = columns.offset[member];
      if (live) args.sink.put(offset, row, match ? begin + at : -1);
      const unsigned matches = ballot(kFullMask, match);
      if (args.sink.flags != nullptr && live && lane_index() == 0) {
        const int slot = args.sink.searched.slot_of(offset);
        args.sink.flags[slot * args.sink.groups + query / kWarpThreads] = matches;
      }
    }
  }
  sync_block();  // the next tile's columns
}

/// Bytes a voxel of a 3x3x3 kernel, all offsets and 32-bit keys: table 108 written, flags 3.4
/// written, queries 4 and targets about 4 for each of 9 columns read, through L2 once the first
/// touch has brought 8 from DRAM: 119 against the dense table's floor of 112. Half of the offsets by
/// symmetry: the same table, 5 columns; the mirrored half is written in runs that start anywhere.
template <class Key>
GAVOTTE_KERNEL void walk_columns_kernel(WalkColumnsArgs<Key> args, Stop stop) {
  auto& shared = shared_storage<WalkColumnsShared>();
  Key* staged = reinterpret_cast<Key*>(&shared + 1);
  const std::int64_t query_count = args.query_count.get();
  for (std::int64_t begin = block_index() * args.tile; begin < query_count && stop.goes_on();
       begin += grid_blocks() * args.tile)
    walk_tile(args, begin, query_count - begin < args.tile ? query_count : begin + args.tile,
              shared, staged);
}

}  // namespace gavotte::internal::cuda
