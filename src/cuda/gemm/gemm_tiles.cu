#include "cuda/gemm/gemm_tiles.h"

#include "cuda/gemm/gemm_tiles.cuh"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {

GemmTilesOfMap::GemmTilesOfMap(const Execution& execution, const KernelMap& map,
                               const OffsetGroups& groups, const TileHeights& heights,
                               std::int64_t column_tiles) {
  const std::int64_t offsets = map.offsets();
  // Each offset's last tile may be short.
  rule_ = {.of = Extent::pairs, .divided = heights.flat, .plus = offsets};
  view_.bound = rule_.count(map.pairs());
  tiles_ = Scratch<GemmTile>(execution, view_.bound);
  view_.tiles = tiles_.get();

  layout_ = Scratch<std::int64_t>(execution, offsets + 3);
  auto* words = reinterpret_cast<std::int32_t*>(layout_.get());
  auto* counts = reinterpret_cast<TileCounts*>(words);
  const TileLayout layout{words + 4, words + 4 + offsets, words + 2, counts};
  view_.counts = counts;

  const auto* pair_begin = static_cast<const std::int64_t*>(map.pair_begin().data);
  const std::int64_t fill = device_limits(execution.device.index).multiprocessors;
  const StreamHandle stream = execution.stream.handle;
  launch("lay_out_tiles", stream, {.threads = kWarpThreads, .blocks_by = kFixedGrid},
         lay_out_tiles_kernel,
         {pair_begin, map.identity_offset(), groups, heights,
          blocks_for(fill, std::max<std::int64_t>(column_tiles, 1)), layout});
  launch("list_tiles", stream, shape_of_items(map.pairs(), rule_), list_tiles_kernel,
         {pair_begin, heights, layout, tiles_.get()});
}

}  // namespace gavotte::internal::cuda
