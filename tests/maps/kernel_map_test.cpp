// Kernel maps against the oracle: every rule, kind, size, stride, dilation, padding and number of
// axes; every builder.
#include <gtest/gtest.h>

#include <algorithm>

#include "gavotte/coordinate_manager.h"
#include "gavotte/error.h"
#include "reference_map.h"

namespace gavotte {
namespace {

using testing::pairs_of;
using testing::Point;
using testing::points_of;

const std::vector<MapConfig>& configs() {
  static const std::vector<MapConfig> all = [] {
    std::vector<MapConfig> list;
    for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal}) {
      for (const bool symmetric : {true, false}) {
        list.push_back({builder, symmetric, 4, 7});  // small blocks: many borders
        list.push_back({builder, symmetric, 256, 4096});
      }
    }
    return list;
  }();
  return all;
}

void expect_lists_are_sorted(const KernelMap& map) {
  const auto begin = map.pair_begin().span<std::int64_t>();
  const auto out = map.pair_out().span<std::int32_t>();
  for (std::size_t k = 0; k + 1 < begin.size(); ++k) {
    for (auto i = static_cast<std::size_t>(begin[k]) + 1;
         i < static_cast<std::size_t>(begin[k + 1]); ++i)
      ASSERT_LT(out[i - 1], out[i]);
  }
}

/// Runs one spec on one set under one config and compares sets, pairs and derived forms with the
/// oracle.
void expect_matches_oracle(const Tensor& points, const ConvSpec& spec, const MapConfig& config,
                           PerAxis stride = 1) {
  SCOPED_TRACE(spec.to_string() + " | " + config.to_string());
  const Coordinates input(points.view(), stride);
  CoordinateManager manager({}, config);
  const MapResult result = manager.kernel_map(input, spec);
  const auto inputs = points_of(input);
  const auto outputs = points_of(result.output);
  const auto expected_outputs = testing::reference_outputs(spec, input.dims(), inputs);
  ASSERT_EQ(std::set<Point>(outputs.begin(), outputs.end()), expected_outputs);
  ASSERT_EQ(outputs.size(), expected_outputs.size()) << "a coordinate occurs twice";
  if (!result.output.same_as(input)) {
    ASSERT_TRUE(std::is_sorted(outputs.begin(), outputs.end()));
  }

  const auto expected = testing::reference_pairs(spec, input.dims(), inputs, outputs);
  ASSERT_EQ(pairs_of(result.map), expected);
  ASSERT_EQ(result.map.pairs(), static_cast<std::int64_t>(expected.size()));
  expect_lists_are_sorted(result.map);

  testing::PairSet mirrored;
  for (const auto& [k, o, i] : expected) mirrored.emplace(k, i, o);
  const KernelMap transposed = result.map.transposed();
  ASSERT_EQ(pairs_of(transposed), mirrored);
  expect_lists_are_sorted(transposed);

  for (const KernelMap& map : {result.map, transposed}) {
    const auto& pairs = map.is_transposed() ? mirrored : expected;
    const auto table = map.table().span<std::int32_t>();
    const auto masks = map.masks().span<std::uint8_t>();
    const auto mask_bytes = (static_cast<std::size_t>(map.offsets()) + 7) / 8;
    std::size_t filled = 0, bits = 0;
    for (const std::int32_t row : table) filled += row >= 0;
    for (const std::uint8_t byte : masks) bits += static_cast<std::size_t>(std::popcount(byte));
    ASSERT_EQ(filled, pairs.size());
    ASSERT_EQ(bits, pairs.size());
    for (const auto& [k, o, i] : pairs) {
      ASSERT_EQ(table[static_cast<std::size_t>(k * map.out_rows() + o)], i);
      ASSERT_TRUE(
          masks[static_cast<std::size_t>(o) * mask_bytes + static_cast<std::size_t>(k) / 8] >>
              (k % 8) &
          1);
    }
  }
}

bool is_legal(const ConvSpec& spec, int dims) {
  try {
    spec.validate(dims);
    return true;
  } catch (const Error&) {
    return false;
  }
}

class EveryRule : public ::testing::TestWithParam<std::tuple<CoordinateRule, ConvKind, int>> {};

TEST_P(EveryRule, EqualsTheOracle) {
  const auto [rule, kind, dims] = GetParam();
  std::mt19937_64 random(static_cast<std::uint64_t>(dims) * 100 +
                         static_cast<std::uint64_t>(rule) * 10 + static_cast<std::uint64_t>(kind));
  const int largest = dims == 4 ? 3 : 5;
  int tried = 0;
  std::size_t next_config = 0;
  for (int size = 1; size <= largest; ++size) {
    for (const int stride : {1, 2, 3}) {
      for (const int dilation : {1, 2}) {
        for (const int padding : {0, 1, 2}) {
          ConvSpec spec;
          spec.kind = kind;
          spec.rule = rule;
          spec.kernel_size = size;
          spec.stride = stride;
          spec.dilation = dilation;
          spec.padding = padding;
          spec.offset_order = static_cast<OffsetOrder>(random() % 3);
          if (!is_legal(spec, dims)) continue;
          if (kind == ConvKind::transposed && rule == CoordinateRule::torchsparse)
            continue;  // needs a finer set: below
          const Tensor points = testing::random_points(random, dims, 14, -5, 9, 2);
          expect_matches_oracle(points, spec, configs()[next_config++ % configs().size()], 6);
          if (HasFatalFailure()) return;
          ++tried;
        }
      }
    }
  }
  if (!(kind == ConvKind::transposed && rule == CoordinateRule::torchsparse)) {
    EXPECT_GE(tried, 3);
  }
}

std::string case_name(const ::testing::TestParamInfo<EveryRule::ParamType>& info) {
  return std::string(name(std::get<0>(info.param))) + "_" +
         std::string(name(std::get<1>(info.param))) + "_" +
         std::to_string(std::get<2>(info.param)) + "D";
}
INSTANTIATE_TEST_SUITE_P(
    KernelMap, EveryRule,
    ::testing::Combine(::testing::Values(CoordinateRule::window, CoordinateRule::floor,
                                         CoordinateRule::torchsparse),
                       ::testing::Values(ConvKind::submanifold, ConvKind::strided,
                                         ConvKind::transposed, ConvKind::generative),
                       ::testing::Values(1, 2, 3, 4)),
    case_name);

TEST(KernelMap, SizesAndStridesOfEachAxis) {
  std::mt19937_64 random(5);
  for (const MapConfig& config : configs()) {
    ConvSpec spec = ConvSpec::strided({1, 3, 2}, {1, 2, 3}, {0, 1, 0});
    expect_matches_oracle(testing::random_points(random, 3, 40, -4, 8), spec, config);
    ConvSpec submanifold = ConvSpec::submanifold({5, 1, 3}, {1, 1, 2});
    expect_matches_oracle(testing::random_points(random, 3, 60, 0, 6), submanifold, config);
  }
}

TEST(KernelMap, SpatialShapeBoundsTheOutputs) {
  std::mt19937_64 random(6);
  for (const MapConfig& config : configs()) {
    ConvSpec spec = ConvSpec::strided(3, 2, 1);
    spec.spatial_shape = PerAxis({7, 8, 9});
    expect_matches_oracle(testing::random_points(random, 3, 40, 0, 7), spec, config);
    ConvSpec up = ConvSpec::transposed(3, 2, 1);
    up.spatial_shape = PerAxis({7, 8, 9});
    up.output_padding = PerAxis({1, 0, 1});
    expect_matches_oracle(testing::random_points(random, 3, 40, 0, 7), up, config, 2);
    ConvSpec torchsparse = ConvSpec::strided(3, 2, 1);
    torchsparse.rule = CoordinateRule::torchsparse;
    torchsparse.spatial_shape = PerAxis(6);
    expect_matches_oracle(testing::random_points(random, 3, 40, 0, 7), torchsparse, config);
  }
}

TEST(KernelMap, CornersOfInt32) {
  constexpr std::int32_t kLow = std::numeric_limits<std::int32_t>::min(),
                         kHigh = std::numeric_limits<std::int32_t>::max();
  for (int dims = 1; dims <= 4; ++dims) {
    std::vector<std::int32_t> values;
    // Every corner of the range, and the neighbour inside it on the last axis: no key may alias
    // another.
    for (int corner = 0; corner < 1 << dims; ++corner) {
      for (const int step : {0, 1}) {
        values.push_back(corner % 2 == 0 ? 0 : kHigh);
        for (int axis = 0; axis < dims; ++axis) {
          const bool high = (corner >> axis & 1) != 0;
          const std::int32_t inside = axis == dims - 1 ? step : 0;
          values.push_back(high ? kHigh - inside : kLow + inside);
        }
      }
    }
    const Tensor points = Tensor::from<std::int32_t>(
        values, {static_cast<std::int64_t>(values.size()) / (1 + dims), 1 + dims});
    for (const MapConfig& config : configs()) {
      expect_matches_oracle(points, ConvSpec::submanifold(3), config);
      ConvSpec floor = ConvSpec::strided(2, 2);
      floor.rule = CoordinateRule::floor;
      expect_matches_oracle(points, floor, config);
      expect_matches_oracle(points, ConvSpec::strided(3, 2, 1), config);
    }
  }
}

TEST(KernelMap, EmptyAndSingleVoxel) {
  for (const MapConfig& config : configs()) {
    for (const ConvSpec& spec :
         {ConvSpec::submanifold(3), ConvSpec::strided(2, 2), ConvSpec::generative(2, 2)}) {
      expect_matches_oracle(Tensor(DType::int32, {0, 4}), spec, config, 2);
      expect_matches_oracle(
          Tensor::from<std::int32_t>(std::vector<std::int32_t>{3, -1, 0, 7}, {1, 4}), spec, config,
          2);
    }
  }
}

TEST(KernelMap, RowsInKeyOrder) {
  std::mt19937_64 random(7);
  for (const int dims : {1, 3}) {
    const auto points = points_of(
        Coordinates(testing::random_points(random, dims, 60, -3, dims == 1 ? 90 : 5).view()));
    std::vector<std::int32_t> values;
    for (const Point& point : std::set<Point>(points.begin(), points.end()))
      values.insert(values.end(), point.begin(), point.end());
    const Tensor sorted =
        Tensor::from<std::int32_t>(values, {static_cast<std::int64_t>(points.size()), 1 + dims});
    for (const MapConfig& config : configs()) {
      for (const ConvSpec& spec : {ConvSpec::submanifold(3), ConvSpec::submanifold(5),
                                   ConvSpec::strided(2, 2), ConvSpec::strided(3, 2, 1)}) {
        expect_matches_oracle(sorted, spec, config);
      }
    }
  }
}

TEST(KernelMap, NeighboursAcrossBatchEntriesDoNotMeet) {
  const Tensor points =
      Tensor::from<std::int32_t>(std::vector<std::int32_t>{0, 5, 1, 5, 1, 6}, {3, 2});
  CoordinateManager manager;
  const KernelMap map =
      manager.kernel_map(Coordinates(points.view()), ConvSpec::submanifold(3)).map;
  EXPECT_EQ(map.pairs(), 3 + 2);
}

// The lists of a map, which are the same for all that find the same pairs: sorted by output row.
std::vector<std::vector<std::int64_t>> lists_of(const KernelMap& map) {
  const auto begin = map.pair_begin().span<std::int64_t>();
  const auto in = map.pair_in().span<std::int32_t>(), out = map.pair_out().span<std::int32_t>();
  return {{begin.begin(), begin.end()}, {in.begin(), in.end()}, {out.begin(), out.end()}};
}

TEST(KernelMap, BuildersAgreeOnAManyBlockScene) {
  std::mt19937_64 random(11);
  const Tensor points = testing::random_points(random, 3, 20000, -35, 55, 2);
  const Coordinates input(points.view());
  for (const ConvSpec& spec : {ConvSpec::submanifold(3), ConvSpec::submanifold(5),
                               ConvSpec::strided(3, 2, 1), ConvSpec::strided(2, 2)}) {
    const auto expected = lists_of(CoordinateManager().kernel_map(input, spec).map);
    for (const MapConfig& config : configs()) {
      for (const int threads : {1, 2, 3, 8}) {
        CoordinateManager manager({.threads = threads}, config);
        ASSERT_TRUE(lists_of(manager.kernel_map(input, spec).map) == expected)
            << spec.to_string() << " " << config.to_string() << " threads " << threads;
      }
    }
  }
}

TEST(KernelMap, OneByOneIsTheIdentity) {
  std::mt19937_64 random(3);
  const Coordinates input(testing::random_points(random, 3, 20, -3, 6).view());
  CoordinateManager manager;
  for (const ConvSpec& spec : {ConvSpec::submanifold(1), ConvSpec::strided(1, 1)}) {
    const MapResult result = manager.kernel_map(input, spec);
    EXPECT_TRUE(result.output.same_as(input));
    EXPECT_TRUE(result.map.is_identity());
  }
}

}  // namespace
}  // namespace gavotte
