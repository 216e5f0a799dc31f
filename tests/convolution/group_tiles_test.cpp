// Groups of rows: which pairs they hold, against the pairs of the map, and the kernel of their products, on tiles in software
// everywhere and on those of the CPU where it has them, against integer loops.
#include "cpu/simd/group_tiles.h"

#include <gtest/gtest.h>
#include <hwy/base.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <type_traits>
#include <vector>

#include "cpu/row_groups.h"
#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/matrix_tiles.h"
#include "cpu/simd/pack_panels.h"
#include "cpu/simd/unroll.h"
#include "function_ref.h"
#include "gavotte/coordinate_manager.h"
#include "software_tiles.h"

namespace gavotte::internal::cpu {
namespace {

namespace software {
#include "cpu/simd/group_tiles-inl.h"
}  // namespace software

using Kernel = FunctionRef<void(const GroupProduct&)>;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Rows of x and each panel end with their memory: AddressSanitizer sees a read behind them.
struct Problem {
  static constexpr std::int64_t kInputs = 40;
  std::int64_t in, out, groups, x_stride;
  int bits;
  std::uint8_t zero;
  bool adds;
  std::vector<std::uint8_t> x;
  std::vector<std::vector<std::int8_t>> weights;
  std::vector<std::vector<std::int32_t>> added;
  std::vector<std::uint32_t> some;
  std::vector<std::int32_t> inputs;  // of all bits; run() lists those of `some`

  Problem(std::mt19937& random, std::int64_t in, std::int64_t out, std::int64_t groups, int bits,
          std::uint8_t zero, bool adds)
      : in(in),
        out(out),
        groups(groups),
        x_stride(in + (adds ? 0 : 5)),
        bits(bits),
        zero(zero),
        adds(adds),
        x(at((kInputs - 1) * x_stride + in)),
        weights(at(bits)),
        added(at(bits)),
        some(at(groups)),
        inputs(at(bits * groups * kGroupRows)) {
    std::uniform_int_distribution<int> byte(0, 255), weight(-128, 127);
    std::uniform_int_distribution<std::int32_t> any(-2000000000, 2000000000), row(-12, kInputs - 1);
    for (auto& value : x) value = static_cast<std::uint8_t>(byte(random));
    for (auto& matrix : weights)
      for (std::int64_t i = 0; i < in * out; ++i)
        matrix.push_back(static_cast<std::int8_t>(weight(random)));
    for (auto& values : added)
      for (std::int64_t i = 0; i < out; ++i) values.push_back(any(random));
    for (auto& each : inputs) each = std::max(row(random), -1);
    const std::uint32_t all = ~std::uint32_t{0} >> (32 - bits);
    for (std::size_t group = 0; group < some.size(); ++group)  // none now and then
      some[group] = group % 4 == 1 ? 0 : static_cast<std::uint32_t>(random()) & all;
  }

  std::vector<std::int32_t> run(Kernel kernel) const {
    constexpr PanelLayout layout = {16, 64, 4};
    const std::int64_t bytes = panel_elements(layout, in, out);
    using Panels = std::unique_ptr<void, decltype(&std::free)>;
    std::vector<Panels> memory;
    std::vector<const void*> panels;
    std::vector<const std::int32_t*> adds_by_bit;
    for (std::size_t bit = 0; bit < at(bits); ++bit) {
      memory.emplace_back(std::aligned_alloc(64, at(bytes)), &std::free);
      pack_panels(layout, {DType::uint8, weights[bit].data(), in, out, out, 1},
                  memory.back().get());
      panels.push_back(memory.back().get());
      adds_by_bit.push_back(added[bit].data());
    }
    std::vector<std::int32_t> sums(at(groups * kGroupRows * out), 77), listed;
    for (std::int64_t group = 0; group < groups; ++group)
      for (std::uint32_t left = some[at(group)]; left != 0; left &= left - 1) {
        const auto* const from =
            inputs.data() + (std::countr_zero(left) * groups + group) * kGroupRows;
        listed.insert(listed.end(), from, from + kGroupRows);
      }
    kernel({x.data(), x_stride, in, zero, panels.data(), adds ? adds_by_bit.data() : nullptr, out,
            groups, some.data(), listed.data(), sums.data()});
    return sums;
  }

  // By unsigned integers, which wrap around.
  std::int32_t sum(std::int64_t row, std::int64_t column) const {
    std::uint32_t total = 0;
    for (int bit = 0; bit < bits; ++bit) {
      if ((some[at(row / kGroupRows)] >> bit & 1U) == 0) continue;
      if (adds) total += static_cast<std::uint32_t>(added[at(bit)][at(column)]);
      const std::int32_t input = inputs[at(bit * groups * kGroupRows + row)];
      for (std::int64_t i = 0; i < in; ++i)
        total += static_cast<std::uint32_t>(int{input < 0 ? zero : x[at(input * x_stride + i)]} *
                                            int{weights[at(bit)][at(i * out + column)]});
    }
    return static_cast<std::int32_t>(total);
  }
};

void expect_sums(Kernel kernel) {
  std::mt19937 random(11);
  std::int64_t turn = 0;
  for (const std::int64_t in : {1, 3, 16, 30, 32, 33, 63, 64, 65, 96, 100, 128, 160, 256, 509})
    for (const std::int64_t out : {16, 32, 48, 64, 80, 112})
      for (int repeat = 0; repeat < 2; ++repeat, ++turn) {
        const int bits = std::array{1, 5, 8, 27, 32}[at(turn % 5)];
        const Problem problem(random, in, out, turn % 6, bits, turn % 3 == 0 ? 128 : 0,
                              turn % 4 < 2);
        const std::vector<std::int32_t> sums = problem.run(kernel);
        for (std::int64_t row = 0; row < problem.groups * kGroupRows; ++row)
          for (std::int64_t column = 0; column < out; column += 1 + row % 3)
            ASSERT_EQ(sums[at(row * out + column)], problem.sum(row, column))
                << in << " -> " << out << ", " << bits << " offsets, row " << row << ", column "
                << column;
      }
}

TEST(GroupTiles, SumAsIntegersDo) {
  expect_sums(
      [](const GroupProduct& product) { software::multiply_groups<test::SoftwareTiles>(product); });
  EXPECT_EQ(test::SoftwareTiles::configured, 0);
}

TEST(GroupTiles, OfTheCpuSumAsIntegersDo) {
  if (!may_use_tiles(DType::uint8)) GTEST_SKIP() << "this CPU, or its system, has no AMX-INT8";
  expect_sums([](const GroupProduct& product) { multiply_groups(product); });
}

TEST(GroupTiles, AreTakenForWholeVectorsOfFewWeights) {
  const bool has = may_use_tiles(DType::uint8) && panel_layout(DType::uint8, 96, 96).lanes == 16;
  EXPECT_EQ(takes_groups(96, 96, true), has);
  EXPECT_EQ(takes_groups(32, 512, true), has);
  EXPECT_FALSE(takes_groups(96, 96, false));
  EXPECT_FALSE(takes_groups(96, 40, true));
  EXPECT_FALSE(takes_groups(256, 256, true));
  EXPECT_FALSE(takes_groups(16, 64, true));
}

// A block of voxels and a line beside it.
Coordinates points(bool shuffled, std::int32_t edge) {
  std::vector<std::array<std::int32_t, 4>> all;
  for (std::int32_t i = 0; i < edge; ++i)
    for (std::int32_t j = 0; j < edge; ++j)
      for (std::int32_t k = 0; k < edge; ++k) all.push_back({0, i, j, k});
  std::mt19937 random(7);
  for (std::int32_t i = 30; i < 50; ++i) all.push_back({0, i, 0, 0});
  if (shuffled) std::shuffle(all.begin(), all.end(), random);
  std::vector<std::int32_t> values;
  for (const auto& point : all) values.insert(values.end(), point.begin(), point.end());
  return Coordinates(
      Tensor::from<std::int32_t>(values, {static_cast<std::int64_t>(all.size()), 4}).view());
}

using PairsOfRows = std::map<std::pair<std::int64_t, int>, std::int32_t>;  // row, offset: input

PairsOfRows pairs_of_map(const MapPairs& pairs) {
  PairsOfRows all;
  for (int k = 0; k < pairs.offsets; ++k)
    for (std::int64_t j = 0; j < pairs.begin[k + 1] - pairs.begin[k]; ++j)
      all[{pairs.out(k)[j], k}] = pairs.in(k)[j];
  return all;
}

PairsOfRows pairs_of_groups(const RowGroups& groups) {
  PairsOfRows all;
  std::int64_t products = 0;
  for (std::int64_t group = 0; group < groups.groups(); ++group) {
    const std::int32_t* inputs = groups.inputs(group);
    for (std::uint32_t left = groups.some()[group]; left != 0; left &= left - 1)
      for (std::int64_t i = group * kGroupRows; i < (group + 1) * kGroupRows; ++i, ++products) {
        const std::int32_t input = *inputs++;
        if (input < 0) continue;
        EXPECT_LT(i, groups.rows());
        all[{groups.y_rows()[i], std::countr_zero(left)}] = input;
      }
  }
  EXPECT_EQ(groups.products(), products);
  return all;
}

void expect_groups(const KernelMap& map) {
  const MapPairs pairs(map, MapPairs::Order::key);
  for (const int threads : {1, 3}) {
    const RowGroups groups({.threads = threads}, map, pairs);
    ASSERT_EQ(groups.rows(), map.out_rows());
    std::vector<std::int32_t> rows(groups.y_rows(), groups.y_rows() + groups.rows());
    std::sort(rows.begin(), rows.end());
    for (std::int64_t i = 0; i < groups.rows(); ++i) ASSERT_EQ(rows[at(i)], i);
    ASSERT_TRUE(groups.worth_while() || groups.products() > 2 * map.pairs());
    if (!groups.worth_while()) continue;  // few rows in a group
    ASSERT_EQ(pairs_of_groups(groups), pairs_of_map(pairs));
  }
}

TEST(RowGroups, HoldThePairsOfTheirMap) {
  for (const bool shuffled : {false, true})
    for (const std::int32_t edge : {1, 3, 9, 20}) {
      SCOPED_TRACE(std::to_string(edge) + (shuffled ? ", shuffled" : ", in key order"));
      const Coordinates set = points(shuffled, edge);
      CoordinateManager manager;
      expect_groups(manager.kernel_map(set, ConvSpec::submanifold(3)).map);
      const KernelMap strided = manager.kernel_map(set, ConvSpec::strided(2, 2)).map;
      expect_groups(strided);
      expect_groups(strided.transposed());
    }
}

TEST(RowGroups, AreWorthWhileWhereRowsShareTheirOffsets) {
  CoordinateManager manager;
  const KernelMap map = manager.kernel_map(points(false, 20), ConvSpec::submanifold(3)).map;
  const RowGroups groups({.threads = 1}, map, MapPairs(map, MapPairs::Order::key));
  EXPECT_LT(static_cast<double>(groups.products()), 1.2 * static_cast<double>(map.pairs()));
}

// Each row has one pair, so that few groups have more than one offset.
TEST(RowGroups, PutRowsOfOneOffsetTogether) {
  CoordinateManager manager;
  const KernelMap map =
      manager.kernel_map(points(false, 9), ConvSpec::strided(2, 2)).map.transposed();
  const RowGroups groups({.threads = 1}, map, MapPairs(map, MapPairs::Order::key));
  EXPECT_LE(groups.products(), (groups.groups() + 7) * kGroupRows);
}

TEST(RowGroups, OfTheIdentityAreItsRows) {
  CoordinateManager manager;
  const KernelMap map = manager.kernel_map(points(true, 5), ConvSpec::submanifold(1)).map;
  const RowGroups groups({.threads = 1}, map, MapPairs(map));
  PairsOfRows expected;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(map.out_rows()); ++i) expected[{i, 0}] = i;
  EXPECT_EQ(pairs_of_groups(groups), expected);
}

// Rows of a thin cloud share few offsets.
TEST(RowGroups, AreNotListedWhereTooManyRowsWouldBeMultiplied) {
  std::vector<std::int32_t> values;
  std::mt19937 random(3);
  for (std::int32_t i = 0; i < 12 * 12 * 12; ++i)
    if (random() % 5 == 0)
      for (const std::int32_t value : {0, i / 144, i / 12 % 12, i % 12}) values.push_back(value);
  const Coordinates set(
      Tensor::from<std::int32_t>(values, {static_cast<std::int64_t>(values.size() / 4), 4}).view());
  CoordinateManager manager;
  const KernelMap map = manager.kernel_map(set, ConvSpec::submanifold(3)).map;
  const RowGroups groups({.threads = 1}, map, MapPairs(map, MapPairs::Order::key));
  EXPECT_FALSE(groups.worth_while());
  EXPECT_GT(groups.products(), 2 * map.pairs());
}

TEST(RowGroups, AreKeptByTheMapForEitherDirection) {
  CoordinateManager manager;
  const KernelMap map = manager.kernel_map(points(false, 9), ConvSpec::strided(2, 2)).map;
  const MapPairs pairs(map, MapPairs::Order::key);
  const std::int64_t before = manager.cached_bytes();
  const auto groups = row_groups({.threads = 1}, map, pairs);
  EXPECT_EQ(manager.cached_bytes(), before + groups->bytes());
  EXPECT_EQ(row_groups({.threads = 2}, map, pairs), groups);
  const KernelMap other = map.transposed();
  EXPECT_NE(row_groups({.threads = 1}, other, MapPairs(other, MapPairs::Order::key)), groups);
}

}  // namespace
}  // namespace gavotte::internal::cpu
