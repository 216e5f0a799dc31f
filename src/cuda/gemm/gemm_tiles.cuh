// First how many tiles each offset has (one thread: the offsets are few), then the tiles themselves
// (16 bytes each, one for `flat` pairs or more).
#pragma once

#include "cuda/device/search.h"
#include "cuda/device/stop.h"
#include "cuda/gemm/gemm_tiles.h"

namespace gavotte::internal::cuda {

/// Offsets in the order in which their tiles are walked.
struct TileLayout {
  std::int32_t* offsets;     ///< [K]
  std::int32_t* tile_begin;  ///< [K + 1]
  std::int32_t* size;        ///< [1] How many offsets.
  TileCounts* counts;        ///< [1]
};

struct LayOutTilesArgs {
  const std::int64_t* pair_begin;  ///< [K + 1]
  std::int32_t identity;
  OffsetGroups groups;
  TileHeights heights;
  std::int64_t least_tall_tiles;  ///< Fewer would leave multiprocessors idle: then all are flat.
  TileLayout layout;
};

/// A group is tall from two tall tiles for its longest member on: then at most a third of a member's
/// rows are padding, and for most members far fewer.
GAVOTTE_DEVICE bool is_tall(const TileHeights& heights, std::int64_t rows) {
  return rows >= 2 * heights.tall;
}

/// Calls body(offset, rows, group_rows) for each offset that has rows.
template <class Body>
GAVOTTE_DEVICE void for_each_grouped_offset(const LayOutTilesArgs& args, Body&& body) {
  const auto rows_of = [&](std::int32_t offset) {
    return args.pair_begin[offset + 1] - args.pair_begin[offset];
  };
  if (args.identity >= 0 && rows_of(args.identity) > 0)
    body(args.identity, rows_of(args.identity), rows_of(args.identity));
  for (std::int32_t i = 0; i < *args.groups.group_count; ++i) {
    const OffsetGroup group = args.groups.groups[i];
    for (std::int32_t member = 0; member < group.count; ++member) {
      const std::int32_t offset = args.groups.order[group.first + member];
      body(offset, rows_of(offset), group.rows);
    }
  }
}

GAVOTTE_KERNEL void lay_out_tiles_kernel(LayOutTilesArgs args, Stop stop) {
  if (!stop.goes_on() || thread_index() != 0) return;
  std::int64_t tall_tiles = 0;
  for_each_grouped_offset(args, [&](std::int32_t, std::int64_t rows, std::int64_t group_rows) {
    if (is_tall(args.heights, group_rows))
      tall_tiles += (rows + args.heights.tall - 1) / args.heights.tall;
  });
  const bool any_tall = tall_tiles >= args.least_tall_tiles;
  std::int32_t size = 0, tiles = 0, tall = 0;
  for_each_grouped_offset(
      args, [&](std::int32_t offset, std::int64_t rows, std::int64_t group_rows) {
        const bool own_tall = any_tall && is_tall(args.heights, group_rows);
        const std::int32_t height = own_tall ? args.heights.tall : args.heights.flat;
        args.layout.offsets[size] = offset;
        args.layout.tile_begin[size] = tiles;
        ++size;
        tiles += static_cast<std::int32_t>((rows + height - 1) / height);
        if (own_tall) tall = tiles;
      });
  args.layout.tile_begin[size] = tiles;
  *args.layout.size = size;
  *args.layout.counts = {tall, tiles};
}

struct ListTilesArgs {
  const std::int64_t* pair_begin;  ///< [K + 1]
  TileHeights heights;
  TileLayout layout;
  GemmTile* tiles;
};

GAVOTTE_KERNEL void list_tiles_kernel(ListTilesArgs args, Stop stop) {
  const TileCounts counts = *args.layout.counts;
  for_each_item(counts.all, stop, [&](std::int64_t i) {
    const auto tile = static_cast<std::int32_t>(i);
    const std::int32_t place = last_at_most(args.layout.tile_begin, *args.layout.size, tile);
    const std::int32_t offset = args.layout.offsets[place];
    const std::int32_t height = tile < counts.tall ? args.heights.tall : args.heights.flat;
    const std::int64_t first =
        args.pair_begin[offset] +
        static_cast<std::int64_t>(tile - args.layout.tile_begin[place]) * height;
    const std::int64_t rows = args.pair_begin[offset + 1] - first;
    args.tiles[tile] = {first, rows < height ? static_cast<std::int32_t>(rows) : height, offset};
  });
}

}  // namespace gavotte::internal::cuda
