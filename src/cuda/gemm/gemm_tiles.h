// The tiles of a grouped GEMM: rows of pairs of one kernel offset each, listed on the device, so that
// blocks walk them without the host knowing how many there are.
#pragma once

#include "cuda/device/kernel.h"
#include "cuda/gemm/group_offsets.h"
#include "cuda/memory.h"
#include "gavotte/kernel_map.h"
#include "launches.h"

namespace gavotte::internal::cuda {

/// Rows of a tile's two heights. Groups of many rows take tall tiles, which read the weights less
/// often; groups of few take flat ones, which waste less and keep more multiprocessors busy.
struct TileHeights {
  std::int32_t tall = 0, flat = 0;
};

struct GemmTile {
  std::int64_t pair = 0;  ///< The first.
  std::int32_t rows = 0;
  std::int32_t offset = 0;
};

struct TileCounts {
  std::int32_t tall = 0;  ///< They come first.
  std::int32_t all = 0;
};

/// As kernels read it.
struct GemmTiles {
  const GemmTile* tiles = nullptr;
  const TileCounts* counts = nullptr;
  std::int64_t bound = 0;  ///< Tiles that memory was taken for.
};

/// The memory of GemmTiles, filled on the stream of `execution`. Each offset has tiles of its own:
/// the identity's first, then the groups in their order.
/// column_tiles: how often each of these tiles is run, for as many columns.
class GemmTilesOfMap {
 public:
  GemmTilesOfMap(const Execution& execution, const KernelMap& map, const OffsetGroups& groups,
                 const TileHeights& heights, std::int64_t column_tiles);
  const GemmTiles& view() const { return view_; }
  /// Gives view().bound for the map's pairs.
  const GridRule& rule() const { return rule_; }

 private:
  Scratch<std::int64_t> layout_;
  Scratch<GemmTile> tiles_;
  GemmTiles view_;
  GridRule rule_;
};

}  // namespace gavotte::internal::cuda
