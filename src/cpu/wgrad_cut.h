// How the pairs of the weights' gradient are cut into work, from their numbers alone.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/convolution_tile.h"
#include "cpu/simd/indirect_wgrad.h"

namespace gavotte::internal::cpu {

/// What a layer's pairs and sums take.
struct WgradBytes {
  std::int64_t pair;  ///< Of the two rows of a pair.
  std::int64_t sums;  ///< Of the gradients of all offsets.
};

struct WgradPairs {
  std::int64_t all, most;  ///< Of all offsets, and of the one that has the most.
  std::int64_t offsets, groups;
};
/// chunk_pairs: of an offset in a range at most, unless the sums would take too much memory.
std::int64_t wgrad_ranges(const WgradPairs& pairs, const WgradBytes& bytes,
                          std::int64_t chunk_pairs);

/// Ranges of tiles, and groups of consecutive offsets: these take turns at a range's tiles.
struct WgradCut {
  std::int64_t ranges, tiles;  ///< Tiles of a range.
  std::vector<int> groups;     ///< The first offset of each; the number of offsets behind the last.

  /// `pairs` has an offset.
  WgradCut(const MapPairs& pairs, const WgradBytes& bytes, std::int64_t chunk_pairs);

  std::int64_t group_count() const noexcept { return static_cast<std::int64_t>(groups.size()) - 1; }
  /// Pairs of offset k in a range's tile.
  PairRows share(const MapPairs& pairs, int k, std::int64_t range, std::int64_t tile) const;
};

}  // namespace gavotte::internal::cpu
