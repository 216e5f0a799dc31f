// Grouping against every contiguous partition of the ordered offsets.
#include "grouping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace gavotte::internal {
namespace {

using Rows = std::vector<std::int64_t>;

Rows random_rows(std::mt19937& random, int offsets) {
  Rows rows;
  for (int k = 0; k < offsets; ++k)
    rows.push_back(static_cast<std::int64_t>(random() % 5 == 0 ? 0 : random() % 300));
  return rows;
}

// Least cost over all 2^(n-1) ways to cut the sizes, longest first, into runs that respect the
// threshold.
double cheapest_partition(Rows rows, const GroupingOptions& options) {
  std::erase(rows, 0);
  std::sort(rows.rbegin(), rows.rend());
  if (rows.empty()) return 0;
  double best = std::numeric_limits<double>::infinity();
  for (unsigned cuts = 0; cuts < 1U << (rows.size() - 1); ++cuts) {
    double cost = 0;
    bool allowed = true;
    for (std::size_t begin = 0; begin < rows.size();) {
      std::size_t end = begin + 1;
      while (end < rows.size() && (cuts >> (end - 1) & 1U) == 0) ++end;
      std::int64_t real = 0, longest = rows[begin];
      while (longest % options.row_multiple != 0) ++longest;
      for (std::size_t i = begin; i < end; ++i) real += rows[i];
      const auto padded = static_cast<double>(longest) * static_cast<double>(end - begin);
      if (end - begin > 1 && padded - static_cast<double>(real) >
                                 options.padding_threshold * static_cast<double>(real))
        allowed = false;
      cost += options.launch_cost_rows + padded;
      begin = end;
    }
    if (allowed) best = std::min(best, cost);
  }
  return best;
}

// Each offset with rows is in exactly one group, which is long enough for it; the sums are right.
void expect_consistent(const Rows& rows, const GroupingOptions& options, const Grouping& grouping) {
  std::vector<int> seen(rows.size(), 0);
  std::int64_t padded = 0, next = 0;
  double cost = 0;
  for (const OffsetGroup& group : grouping.groups) {
    EXPECT_EQ(group.first, next);
    next += group.count;
    std::int64_t real = 0;
    for (int i = 0; i < group.count; ++i) {
      const auto k =
          static_cast<std::size_t>(grouping.order[static_cast<std::size_t>(group.first + i)]);
      ++seen[k];
      EXPECT_LE(rows[k], group.rows);
      real += rows[k];
    }
    EXPECT_EQ(group.rows % options.row_multiple, 0);
    const std::int64_t group_padded = group.rows * group.count;
    if (group.count > 1) {
      EXPECT_LE(static_cast<double>(group_padded),
                (1 + options.padding_threshold) * static_cast<double>(real) + 1e-6);
    }
    padded += group_padded;
    cost += options.launch_cost_rows + static_cast<double>(group_padded);
  }
  for (std::size_t k = 0; k < rows.size(); ++k)
    EXPECT_EQ(seen[k], rows[k] > 0 ? 1 : 0) << "offset " << k;
  EXPECT_EQ(grouping.padded_rows, padded);
  EXPECT_DOUBLE_EQ(grouping.cost, cost);
  std::int64_t real = 0;
  for (const std::int64_t count : rows) real += count;
  EXPECT_EQ(grouping.real_rows, real);
}

TEST(Grouping, ExactEqualsTheCheapestOfAllPartitions) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const Rows rows = random_rows(random, 1 + round % 11);
    const GroupingOptions options{GroupingPolicy::exact, 0.1 * (round % 6), 8.0 * (round % 5),
                                  1 + round % 3 * 7};
    const Grouping grouping = group_offsets(rows, options);
    expect_consistent(rows, options, grouping);
    EXPECT_NEAR(grouping.cost, cheapest_partition(rows, options), 1e-9);
  }
}

TEST(Grouping, ExactIsNeverDearerThanGreedyOrNone) {
  std::mt19937 random(2);
  bool ever_cheaper = false;
  for (int round = 0; round < 200; ++round) {
    const Rows rows = random_rows(random, 27 + 98 * (round % 2));
    GroupingOptions options{GroupingPolicy::exact, 0.05 * (round % 10), 16, 1};
    const double exact = group_offsets(rows, options).cost;
    for (const GroupingPolicy policy : {GroupingPolicy::greedy, GroupingPolicy::none}) {
      options.policy = policy;
      const Grouping other = group_offsets(rows, options);
      expect_consistent(rows, options, other);
      EXPECT_LE(exact, other.cost + 1e-9);
      ever_cheaper |= exact < other.cost;
    }
  }
  EXPECT_TRUE(ever_cheaper);
}

TEST(Grouping, GreedyTakesOffsetsUntilTheThreshold) {
  // 100 + 90: 200 / 190 - 1 = 0.053; with 60: 300 / 250 - 1 = 0.2 > 0.1, so 60 starts the next
  // group.
  const Grouping grouping =
      group_offsets(Rows{60, 100, 0, 90, 58}, {GroupingPolicy::greedy, 0.1, 0, 1});
  EXPECT_EQ(grouping.order, (std::vector<std::int32_t>{1, 3, 0, 4}));
  EXPECT_EQ(grouping.groups, (std::vector<OffsetGroup>{{0, 2, 100}, {2, 2, 60}}));
  EXPECT_DOUBLE_EQ(grouping.padding_ratio(), 320.0 / 308.0);
}

TEST(Grouping, NoneLeavesEachOffsetAlone) {
  const Grouping grouping = group_offsets(Rows{5, 0, 5}, {GroupingPolicy::none, 8, 1000, 1});
  EXPECT_EQ(grouping.groups.size(), 2U);
  EXPECT_DOUBLE_EQ(grouping.padding_ratio(), 1.0);
}

TEST(Grouping, WithoutRowsThereAreNoGroups) {
  for (const Rows& rows : {Rows{}, Rows{0, 0, 0}}) {
    const Grouping grouping = group_offsets(rows, {});
    EXPECT_TRUE(grouping.groups.empty());
    EXPECT_DOUBLE_EQ(grouping.padding_ratio(), 1.0);
  }
}

TEST(Grouping, AFilledGroupingCanBeFilledAgain) {
  Grouping grouping;
  group_offsets(Rows{5, 9, 100}, {}, grouping);
  group_offsets(Rows{3, 3}, {}, grouping);
  EXPECT_EQ(grouping.order, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(grouping.groups, (std::vector<OffsetGroup>{{0, 2, 3}}));
}

}  // namespace
}  // namespace gavotte::internal
