#include "cpu/wgrad_cut.h"

#include <algorithm>

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kTilePairs = 1024;  // of an offset, on average
// Wide rows, of so many bytes for both sides together: smaller tiles, so that a tile's rows stay in the second-level cache,
// where an offset's sums, which each tile reads and writes, are not too large (Xeon with AMX, 2026-11-23, float32 of 64 and
// 128 channels: random_100000 1.04 of the rate, lidar_10 1.01 to 1.03, random_20000 and room_10 0.99 to 1.02; 16 channels
// 0.98, 256 channels 0.97 to 1.00, 256 of bfloat16 0.9 to 1.01).
constexpr std::int64_t kWideTilePairs = 512, kWideBytes = 512, kMostSumBytes = 64 << 10;
constexpr std::int64_t kMostRanges = 64;
constexpr std::int64_t kPartialBytes = 64 << 20;  // of the ranges' sums
constexpr std::int64_t kGroups = 16;              // of offsets, some more or less
// Layers of few offsets have more ranges, so that there is work for several threads (Xeon with AMX, 2026-11-23, float32, 1x1x1
// 32 -> 64 of 7086 rows: two threads 1.9 of the rate of one range), where these do not get too few pairs, and sums stay a
// small part of the rows that are read (twice as many ranges: one thread 0.94 of the rate at 64 -> 128).
constexpr std::int64_t kFewestParts = 4, kFewestPairs = 1024, kRowsOverSums = 32;

/// Offsets that have no more than a group's part of all pairs together, or one that has more.
std::vector<int> groups_of(const MapPairs& pairs) {
  const std::int64_t most = pairs.begin[pairs.offsets] / kGroups;
  std::vector<int> groups = {0};
  for (int k = 1; k < pairs.offsets; ++k)
    if (pairs.begin[k + 1] - pairs.begin[groups.back()] > most) groups.push_back(k);
  groups.push_back(pairs.offsets);
  return groups;
}

std::int64_t most_pairs(const MapPairs& pairs) {
  std::int64_t most = 0;
  for (int k = 0; k < pairs.offsets; ++k)
    most = std::max(most, pairs.begin[k + 1] - pairs.begin[k]);
  return most;
}

}  // namespace

std::int64_t wgrad_ranges(const WgradPairs& pairs, const WgradBytes& bytes,
                          std::int64_t chunk_pairs) {
  const std::int64_t chunks = (pairs.most + chunk_pairs - 1) / chunk_pairs;
  const std::int64_t for_threads = std::min(
      {(kFewestParts + pairs.groups - 1) / pairs.groups, pairs.all / (pairs.offsets * kFewestPairs),
       pairs.all * bytes.pair / (kRowsOverSums * bytes.sums)});
  // An even number of ranges is two threads' without a rest (Xeon with AMX, 2026-11-23, room_5, ten instead of nine: 1.04 of the
  // rate on two threads).
  const std::int64_t ranges = std::max<std::int64_t>({chunks, for_threads, 1});
  return std::min(ranges > 1 ? ranges + ranges % 2 : ranges,
                  std::clamp<std::int64_t>(kPartialBytes / bytes.sums, 1, kMostRanges));
}

WgradCut::WgradCut(const MapPairs& pairs, const WgradBytes& bytes, std::int64_t chunk_pairs)
    : groups(groups_of(pairs)) {
  const std::int64_t all = pairs.begin[pairs.offsets], offsets = pairs.offsets;
  ranges = wgrad_ranges({all, most_pairs(pairs), offsets, group_count()}, bytes, chunk_pairs);
  const bool wide = bytes.pair >= kWideBytes && bytes.sums <= offsets * kMostSumBytes;
  const std::int64_t tile_pairs = wide ? kWideTilePairs : kTilePairs;
  tiles = std::max<std::int64_t>(all / (offsets * tile_pairs * ranges), 1);
}

PairRows WgradCut::share(const MapPairs& pairs, int k, std::int64_t range,
                         std::int64_t tile) const {
  const std::int64_t count = pairs.begin[k + 1] - pairs.begin[k], all = ranges * tiles;
  const std::int64_t index = range * tiles + tile;
  const std::int64_t first = count * index / all, last = count * (index + 1) / all;
  return {pairs.in(k) + first, pairs.out(k) + first, last - first};
}

}  // namespace gavotte::internal::cpu
