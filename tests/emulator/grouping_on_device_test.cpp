// Groups and tiles that the device makes: the same groups as the host's, and tiles that hold each
// pair once.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "convolution/reference.h"
#include "cuda/gemm/gemm_tiles.h"
#include "cuda/gemm/group_offsets.cuh"
#include "cuda/launch.h"
#include "emulated_device.h"

namespace gavotte::internal::cuda {
namespace {

namespace ref = gavotte::testing;

/// A map of which only the counts matter; identity: an offset that is in no group, or -1.
KernelMap map_of(const std::vector<std::int64_t>& rows, int identity = -1) {
  auto data = std::make_shared<MapData>();
  data->offsets = static_cast<int>(rows.size());
  data->identity_offset = identity;
  std::vector<std::int64_t> begin = {0};
  for (const std::int64_t count : rows) begin.push_back(begin.back() + count);
  data->pairs = begin.back();
  data->in_rows = data->out_rows = identity >= 0 ? rows[static_cast<std::size_t>(identity)] : 0;
  data->lists.begin = Tensor::from<std::int64_t>(begin, {data->offsets + 1});
  return KernelMap(std::move(data));
}

std::vector<std::int64_t> random_rows(std::mt19937& random, int offsets, std::uint32_t most) {
  std::vector<std::int64_t> rows;
  for (int k = 0; k < offsets; ++k)
    rows.push_back(static_cast<std::int64_t>(random() % 5 == 0 ? 0 : random() % most));
  return rows;
}

class GroupingOnDevice : public ::testing::Test {
 protected:
  ref::EmulatedDevice device;

  void expect_same_groups(std::vector<std::int64_t> rows, int identity,
                          const GroupingOptions& options) {
    const OffsetGroupsOfMap made(device.execution, map_of(rows, identity), options);
    if (identity >= 0) rows[static_cast<std::size_t>(identity)] = 0;
    const Grouping expected = group_offsets(rows, options);
    const OffsetGroups& groups = made.view();
    ASSERT_EQ(*groups.order_size, static_cast<int>(expected.order.size()));
    ASSERT_EQ(*groups.group_count, static_cast<int>(expected.groups.size()));
    EXPECT_TRUE(std::equal(expected.order.begin(), expected.order.end(), groups.order));
    EXPECT_TRUE(std::equal(expected.groups.begin(), expected.groups.end(), groups.groups));
  }
};

TEST_F(GroupingOnDevice, EqualsTheHosts) {
  std::mt19937 random(1);
  for (const GroupingPolicy policy :
       {GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none}) {
    for (int round = 0; round < 24; ++round) {
      const int offsets = round % 3 == 0 ? 27 : round % 3 == 1 ? 125 : 1 + round % 40;
      const auto rows = random_rows(random, offsets, round % 2 == 0 ? 300 : 4);
      expect_same_groups(rows, round % 4 == 0 ? round % offsets : -1,
                         {policy, 0.05 * (round % 7), 7.3 * (round % 5), 1 + round % 3 * 7});
    }
  }
}

TEST_F(GroupingOnDevice, ManyEqualAndNoOffsets) {
  for (const GroupingPolicy policy :
       {GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none}) {
    expect_same_groups(std::vector<std::int64_t>(343, 9), 171, {policy, 0.25, 16, 1});
    expect_same_groups({0, 0, 0}, -1, {policy, 0.25, 16, 1});
    expect_same_groups({5}, 0, {policy, 0.25, 16, 1});
    expect_same_groups({5}, -1, {policy, 0.25, 16, 1});
  }
}

/// Each of its arrays ends where AddressSanitizer sees it.
TEST_F(GroupingOnDevice, StaysWithinItsMemory) {
  constexpr std::int32_t kOffsets = 40;
  std::vector<std::int64_t> pair_begin = {0};
  for (int k = 0; k < kOffsets; ++k) pair_begin.push_back(pair_begin.back() + 1 + k * 7 % 30);
  for (const GroupingPolicy policy :
       {GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none}) {
    std::vector<std::int32_t> order(kOffsets), begin(kOffsets + 1);
    std::vector<OffsetGroup> groups(kOffsets);
    std::vector<std::int64_t> rows(kOffsets + 1), prefix(kOffsets + 1);
    std::vector<double> cost(kOffsets + 1);
    std::int32_t order_size = 0, group_count = 0;
    const GroupOffsetsArgs args{pair_begin.data(),
                                kOffsets,
                                -1,
                                {policy, 0.25, 16, 1},
                                {order.data(), groups.data(), &order_size, &group_count},
                                rows.data(),
                                prefix.data(),
                                cost.data(),
                                begin.data()};
    launch("group_offsets", nullptr, {.threads = kGroupingThreads}, group_offsets_kernel, args);
    EXPECT_EQ(order_size, kOffsets);
    ASSERT_GT(group_count, 0);
    ASSERT_LE(group_count, kOffsets);
    const OffsetGroup& last = groups[static_cast<std::size_t>(group_count - 1)];
    EXPECT_EQ(last.first + last.count, kOffsets);
    EXPECT_EQ(prefix.back(), pair_begin.back());
  }
}

TEST_F(GroupingOnDevice, SchedulesDoNotMatter) {
  std::mt19937 random(2);
  const auto rows = random_rows(random, 64, 50);
  ref::for_each_schedule([&] {
    expect_same_groups(rows, -1, {GroupingPolicy::exact, 0.3, 20, 1});
  });
}

class Tiles : public GroupingOnDevice {
 protected:
  /// Every pair in one tile of its own offset, tall tiles first; returns the counts.
  TileCounts expect_each_pair_once(const std::vector<std::int64_t>& rows, int identity,
                                   const TileHeights& heights, std::int64_t columns) {
    const KernelMap map = map_of(rows, identity);
    const OffsetGroupsOfMap groups(device.execution, map, {});
    const GemmTilesOfMap made(device.execution, map, groups.view(), heights, columns);
    const GemmTiles& tiles = made.view();
    const auto* begin = static_cast<const std::int64_t*>(map.pair_begin().data);
    std::vector<int> seen(static_cast<std::size_t>(map.pairs()), 0);
    EXPECT_LE(tiles.counts->tall, tiles.counts->all);
    EXPECT_LE(tiles.counts->all, tiles.bound);
    for (int i = 0; i < tiles.counts->all; ++i) {
      const GemmTile& tile = tiles.tiles[i];
      EXPECT_GT(tile.rows, 0);
      EXPECT_LE(tile.rows, i < tiles.counts->tall ? heights.tall : heights.flat);
      EXPECT_GE(tile.pair, begin[tile.offset]);
      EXPECT_LE(tile.pair + tile.rows, begin[tile.offset + 1]);
      for (std::int64_t pair = tile.pair; pair < tile.pair + tile.rows; ++pair)
        ++seen[static_cast<std::size_t>(pair)];
    }
    EXPECT_EQ(std::set<int>(seen.begin(), seen.end()),
              map.pairs() > 0 ? std::set<int>{1} : std::set<int>{});
    return *tiles.counts;
  }
};

TEST_F(Tiles, HoldEachPairOnce) {
  std::mt19937 random(3);
  for (int round = 0; round < 14; ++round) {
    const int offsets = 1 + 3 * round;
    auto rows = random_rows(random, offsets, round % 2 == 0 ? 100 : 2000);
    const int identity = round % 3 == 0 ? offsets / 2 : -1;
    if (identity >= 0) rows[static_cast<std::size_t>(identity)] = 2001;
    expect_each_pair_once(rows, identity, {128, 32}, 1 + round % 3);
  }
  expect_each_pair_once({0, 0}, -1, {128, 32}, 1);
}

TEST_F(Tiles, AreTallWhereRowsAreManyAndFillTheDevice) {
  // The emulated device has four multiprocessors.
  EXPECT_EQ(expect_each_pair_once({1024, 40}, -1, {128, 32}, 1).tall, 8);
  EXPECT_EQ(expect_each_pair_once({300, 40}, -1, {128, 32}, 1).tall, 0);  // three tall ones
  EXPECT_EQ(expect_each_pair_once({300, 40}, -1, {128, 32}, 2).tall, 3);
  EXPECT_EQ(expect_each_pair_once(std::vector<std::int64_t>(9, 255), -1, {128, 32}, 1).tall, 0);
}

}  // namespace
}  // namespace gavotte::internal::cuda
