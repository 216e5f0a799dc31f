// Derived sets by planes against all coordinates tried, and where they leave the work to a sort.
#include "cpu/plane_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cpu/coordinates.h"
#include "cpu/ordered_bits.h"
#include "reference_map.h"

namespace gavotte::internal::cpu {
namespace {

using gavotte::testing::Point;
using gavotte::testing::points_of;
using gavotte::testing::random_points;
using Set = std::shared_ptr<const CoordinateData>;

constexpr Execution kOneThread{.threads = 1};

Set set_of(const Tensor& points) { return make_set(kOneThread, points.clone(), 1); }

/// The same rows in key order, as sets that the library makes have them.
Set in_key_order(const Tensor& points) {
  const Coordinates given(points.view());
  std::vector<Point> rows = points_of(given);
  std::sort(rows.begin(), rows.end());
  Tensor sorted(DType::int32, points.shape());
  std::size_t next = 0;
  for (const Point& row : rows)
    for (const std::int64_t value : row)
      sorted.span<std::int32_t>()[next++] = static_cast<std::int32_t>(value);
  return make_set(kOneThread, std::move(sorted), 1);
}

std::vector<Point> rows_of(const Tensor& lattice) {
  const auto values = std::as_const(lattice).span<std::int32_t>();
  const std::int64_t columns = lattice.shape()[1];
  std::vector<Point> rows;
  for (std::int64_t i = 0; i < lattice.rows(); ++i)
    rows.emplace_back(values.begin() + i * columns, values.begin() + (i + 1) * columns);
  return rows;
}

/// Every coordinate within [-reach, reach] is tried for every row.
std::vector<Point> all_tried(const CoordinateData& set, const std::vector<AxisCandidates>& axes,
                             std::int64_t reach) {
  std::set<Point> derived;
  for (const Point& row : rows_of(set.lattice)) {
    std::vector<Point> partial = {{row[0]}};
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
      const AxisCandidates& rule = axes[axis];
      std::vector<Point> longer;
      for (std::int64_t c = std::max(-reach, rule.lower); c <= std::min(reach, rule.upper); ++c) {
        bool leads = false;
        for (const std::int64_t offset : rule.offsets)
          leads = leads || (rule.to_coarse ? c * rule.scale + offset == row[axis + 1]
                                           : row[axis + 1] * rule.scale + offset == c);
        for (std::size_t i = 0; leads && i < partial.size(); ++i) {
          longer.push_back(partial[i]);
          longer.back().push_back(c);
        }
      }
      partial = longer;
    }
    derived.insert(partial.begin(), partial.end());
  }
  return {derived.begin(), derived.end()};
}

void expect_box_of(const CoordinateData& set, const std::vector<Point>& rows) {
  for (std::size_t c = 0; c < rows.front().size(); ++c) {
    const auto less = [c](const Point& a, const Point& b) { return a[c] < b[c]; };
    const auto [lowest, highest] = std::minmax_element(rows.begin(), rows.end(), less);
    EXPECT_EQ(set.box.lower[c], (*lowest)[c]) << "column " << c;
    EXPECT_EQ(set.box.upper[c], (*highest)[c]) << "column " << c;
  }
}

void expect_derived(const Set& derived, const std::vector<Point>& expected, int dims) {
  ASSERT_NE(derived, nullptr) << "was left to the sort";
  EXPECT_EQ(derived->dims, dims);
  EXPECT_EQ(derived->stride[0], 6);
  EXPECT_FALSE(derived->order);
  ASSERT_EQ(derived->rows, static_cast<std::int64_t>(expected.size()));
  EXPECT_EQ(rows_of(derived->lattice), expected);
  expect_box_of(*derived, expected);
}

struct Rule {
  std::string what;
  AxisCandidates axis;
};

std::vector<Rule> rules() {
  return {{"kernel 2, stride 2", {2, true, {0, 1}}},
          {"kernel 3, stride 2", {2, true, {-1, 0, 1}}},
          {"kernel 3, stride 1", {1, true, {-1, 0, 1}}},
          {"kernel 3, stride 3", {3, true, {0, 1, 2}}},
          {"kernel 2, stride 3: gaps", {3, true, {-1, 0}}},
          {"dilated", {2, true, {-4, 0, 4}}},
          {"unchanged", {1, true, {0}}},
          {"to fine", {2, false, {0, 1}}},
          {"to fine, overlapping", {2, false, {-1, 0, 1, 2}}},
          {"bounded", {2, true, {-1, 0, 1}, -2, 1}},
          {"to fine, bounded", {3, false, {0, 1, 2, 3}, 0, 9}}};
}

TEST(PlaneSets, EqualAllCoordinatesTried) {
  std::mt19937_64 random(5);
  for (int dims = 1; dims <= 4; ++dims) {
    const Tensor points = random_points(random, dims, dims == 1 ? 9 : 120, -7, 12, 3);
    for (const Rule& rule : rules()) {
      SCOPED_TRACE(std::to_string(dims) + " axes, " + rule.what);
      // Each axis has a rule of its own, and each rule is that of every axis once.
      for (int first = 0; first < dims; ++first) {
        std::vector<AxisCandidates> axes(static_cast<std::size_t>(dims), rules()[3].axis);
        axes[static_cast<std::size_t>(first)] = rule.axis;
        for (const Set& set : {set_of(points), in_key_order(points)})
          expect_derived(derive_by_planes(kOneThread, *set, axes, 6), all_tried(*set, axes, 40),
                         dims);
      }
    }
  }
}

TEST(PlaneSets, AreTheSameForAnyNumberOfThreads) {
  std::mt19937_64 random(6);
  const Set set = set_of(random_points(random, 3, 13'000, -16, 32, 2));
  for (const Rule& rule : rules()) {
    const std::vector<AxisCandidates> axes(3, rule.axis);
    const Set one = derive_by_planes(kOneThread, *set, axes, 6);
    ASSERT_NE(one, nullptr) << rule.what;
    std::set<Point> expected;  // each axis by itself, in every combination
    std::vector<std::int64_t> lists[3];
    for (const Point& row : rows_of(set->lattice)) {
      for (std::size_t axis = 0; axis < 3; ++axis) rule.axis.list(row[axis + 1], lists[axis]);
      for (const std::int64_t x : lists[0])
        for (const std::int64_t y : lists[1])
          for (const std::int64_t z : lists[2]) expected.insert({row[0], x, y, z});
    }
    EXPECT_EQ(rows_of(one->lattice), std::vector<Point>(expected.begin(), expected.end()))
        << rule.what;
    for (const int threads : {2, 5}) {
      const Set many = derive_by_planes({.threads = threads}, *set, axes, 6);
      ASSERT_NE(many, nullptr) << rule.what;
      EXPECT_EQ(rows_of(many->lattice), rows_of(one->lattice)) << rule.what;
    }
  }
}

TEST(PlaneSets, EndsOfInt32) {
  Tensor points(DType::int32, {2, 4});
  const std::array<std::int32_t, 8> values = {0, INT32_MIN, INT32_MIN, INT32_MIN,
                                              0, INT32_MIN, INT32_MIN, INT32_MIN + 1};
  std::copy(values.begin(), values.end(), points.span<std::int32_t>().begin());
  const std::vector<AxisCandidates> halves(3, {2, true, {0, 1}});
  const Set coarse = derive_by_planes(kOneThread, *set_of(points), halves, 6);
  expect_derived(coarse, {{0, INT32_MIN / 2, INT32_MIN / 2, INT32_MIN / 2}}, 3);
  const std::vector<AxisCandidates> thirds(3, {3, true, {0, 1, 2}});
  expect_derived(derive_by_planes(kOneThread, *set_of(points), thirds, 6),
                 {{0, -715827883, -715827883, -715827883}}, 3);
  // Outputs past int32 are for the sort to name.
  const std::vector<AxisCandidates> wider(3, {1, true, {0, 1}});
  EXPECT_EQ(derive_by_planes(kOneThread, *set_of(points), wider, 6), nullptr);
}

TEST(PlaneSets, LeaveWhatIsFarApartToTheSort) {
  std::mt19937_64 random(7);
  const std::vector<AxisCandidates> halves(3, {2, true, {0, 1}});
  for (const std::int64_t extent : {20'000LL, 4'000'000'000LL}) {
    const Tensor points = random_points(random, 3, 3000, -extent / 2, extent);
    const Set set = set_of(points);
    EXPECT_EQ(derive_by_planes(kOneThread, *set, halves, 6), nullptr);
    std::set<Point> expected;
    for (const Point& row : rows_of(points)) {
      Point coarse = row;
      for (std::size_t c = 1; c < row.size(); ++c)
        coarse[c] = gavotte::testing::reference_floor(row[c], 2);
      expected.insert(coarse);
    }
    const Set coarse = downsample(kOneThread, *set, {2, 2, 2, 1}, 6);
    expect_derived(coarse, {expected.begin(), expected.end()}, 3);
  }
}

TEST(PlaneSets, LeaveGreatStridesToTheSort) {
  std::mt19937_64 random(10);
  const Tensor points = random_points(random, 3, 300, -400, 800);
  const Set set = set_of(points);
  for (const std::int64_t scale : {64, 65, 1'000'000'000}) {
    std::set<Point> expected;
    for (const Point& row : rows_of(points)) {
      Point coarse = row;
      coarse[2] = gavotte::testing::reference_floor(row[2], scale);
      expected.insert(coarse);
    }
    expect_derived(downsample(kOneThread, *set, {1, scale, 1, 1}, 6),
                   {expected.begin(), expected.end()}, 3);
  }
}

TEST(PlaneSets, LeaveWhatHasNoOutputsToTheSort) {
  const Tensor none(DType::int32, {0, 4});
  const std::vector<AxisCandidates> halves(3, {2, true, {0, 1}});
  EXPECT_EQ(derive_by_planes(kOneThread, *set_of(none), halves, 6), nullptr);
  std::mt19937_64 random(8);
  const Set set = set_of(random_points(random, 3, 10, 0, 4));
  const std::vector<AxisCandidates> outside(3, {1, true, {0}, 100, 110});
  EXPECT_EQ(derive_by_planes(kOneThread, *set, outside, 6), nullptr);
}

TEST(OrderedBits, GiveNumbersBackInOrderOnce) {
  std::mt19937_64 random(9);
  for (const std::int64_t size : {1, 64, 65, 4096, 100'000}) {
    OrderedBits bits(size);
    for (const std::int64_t count : {0, 1, 3, 500}) {
      std::vector<std::uint32_t> numbers;
      for (std::int64_t i = 0; i < count; ++i)
        numbers.push_back(static_cast<std::uint32_t>(random() % static_cast<std::uint64_t>(size)));
      const std::set<std::uint32_t> expected(numbers.begin(), numbers.end());
      bits.insert(numbers);
      std::vector<std::uint32_t> taken(static_cast<std::size_t>(count + OrderedBits::kSlack));
      taken.resize(static_cast<std::size_t>(bits.take_all(taken.data()) - taken.data()));
      EXPECT_THAT(taken, ::testing::ElementsAreArray(expected)) << size << ", " << count;
    }
  }
}

}  // namespace
}  // namespace gavotte::internal::cpu
