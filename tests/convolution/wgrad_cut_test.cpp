// How pairs of the weights' gradient are cut: each into one share, in order, with bounds on what is cut.
#include "cpu/wgrad_cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "reference.h"

namespace gavotte::internal::cpu {
namespace {

namespace ref = gavotte::testing;

/// Offsets of so many pairs, whose rows nobody reads.
ref::ReferenceMap map_of(const std::vector<std::int64_t>& counts) {
  std::vector<ref::Pair> pairs;
  std::int64_t rows = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    rows = std::max(rows, counts[k]);
    for (std::int32_t j = 0; j < counts[k]; ++j) pairs.push_back({static_cast<int>(k), j, j});
  }
  return ref::make_reference(static_cast<int>(counts.size()), rows, rows, -1, pairs);
}

constexpr WgradBytes kNarrow{128, 4096};  // rows of 16 channels in float32
constexpr std::int64_t kChunk = 8192;

const std::vector<std::vector<std::int64_t>> kMaps = {{0},
                                                      {1},
                                                      {0, 0, 0},
                                                      {0, 4300, 1, 0, 300, 0},
                                                      {5, 5000, 100, 9000, 2, 0, 100},
                                                      {20000},
                                                      std::vector<std::int64_t>(27, 3000)};

TEST(WgradCut, SharesOfAnOffsetAreItsPairsInOrder) {
  for (const auto& counts : kMaps) {
    const auto map = map_of(counts);
    const MapPairs pairs(map.map, MapPairs::Order::key);
    for (const std::int64_t chunk : {std::int64_t{1}, std::int64_t{1000}, kChunk}) {
      const WgradCut cut(pairs, kNarrow, chunk);
      for (int k = 0; k < pairs.offsets; ++k) {
        std::int64_t done = 0;
        for (std::int64_t range = 0; range < cut.ranges; ++range)
          for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
            const PairRows share = cut.share(pairs, k, range, tile);
            ASSERT_EQ(share.x, pairs.in(k) + done);
            ASSERT_EQ(share.grad, pairs.out(k) + done);
            done += share.count;
          }
        EXPECT_EQ(done, counts[static_cast<std::size_t>(k)]);
      }
    }
  }
}

TEST(WgradCut, GroupsAreAllOffsetsAndHeavyOnesStandAlone) {
  for (const auto& counts : kMaps) {
    const auto map = map_of(counts);
    const MapPairs pairs(map.map, MapPairs::Order::key);
    const WgradCut cut(pairs, kNarrow, kChunk);
    ASSERT_GE(cut.group_count(), 1);
    EXPECT_EQ(cut.groups.front(), 0);
    EXPECT_EQ(cut.groups.back(), pairs.offsets);
    for (std::size_t g = 0; g + 1 < cut.groups.size(); ++g) {
      ASSERT_LT(cut.groups[g], cut.groups[g + 1]);
      const std::int64_t count = pairs.begin[cut.groups[g + 1]] - pairs.begin[cut.groups[g]];
      EXPECT_TRUE(cut.groups[g + 1] == cut.groups[g] + 1 ||
                  count * 16 <= pairs.begin[pairs.offsets])
          << "group " << g << " of " << count << " pairs";
    }
  }
}

TEST(WgradCut, RangesHaveNoMorePairsOfAnOffsetThanAChunk) {
  for (const auto& counts : kMaps) {
    const auto map = map_of(counts);
    const MapPairs pairs(map.map, MapPairs::Order::key);
    const WgradCut cut(pairs, kNarrow, kChunk);
    for (const std::int64_t count : counts) EXPECT_LE(count, cut.ranges * kChunk);
    EXPECT_TRUE(cut.ranges == 1 || cut.ranges % 2 == 0);
  }
}

TEST(WgradCut, FewPairsAreOneRange) {
  const auto map = map_of(std::vector<std::int64_t>(27, 1500));
  const WgradCut cut(MapPairs(map.map, MapPairs::Order::key), kNarrow, kChunk);
  EXPECT_EQ(cut.ranges, 1);
  EXPECT_EQ(cut.tiles, 1);
  EXPECT_EQ(cut.group_count(), 27);
}

TEST(WgradCut, OneOffsetIsCutForSeveralThreads) {
  const auto map = map_of({6833});
  const MapPairs pairs(map.map, MapPairs::Order::key);
  EXPECT_EQ(WgradCut(pairs, kNarrow, kChunk).ranges, 4);
  // Not where the sums would be much beside the rows.
  EXPECT_EQ(WgradCut(pairs, {1024, 256 << 10}, kChunk).ranges, 1);
  const auto few = map_of({1500});
  EXPECT_EQ(WgradCut(MapPairs(few.map, MapPairs::Order::key), kNarrow, kChunk).ranges, 1);
}

TEST(WgradCut, SumsBoundTheRanges) {
  const auto map = map_of(std::vector<std::int64_t>(27, 3000));
  const MapPairs pairs(map.map, MapPairs::Order::key);
  EXPECT_EQ(WgradCut(pairs, kNarrow, 1).ranges, 64);
  EXPECT_EQ(WgradCut(pairs, {1024, 32 << 20}, 1).ranges, 2);
  EXPECT_EQ(WgradCut(pairs, {1024, 128 << 20}, 1).ranges, 1);
  const WgradCut one(pairs, kNarrow, kChunk);
  EXPECT_EQ(one.ranges, 1);
  EXPECT_EQ(one.tiles, 2);
}

}  // namespace
}  // namespace gavotte::internal::cpu
