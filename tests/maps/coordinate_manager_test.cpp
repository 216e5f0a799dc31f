// Coordinate sets and the cache: what is shared, what is restored, what is refused.
#include "gavotte/coordinate_manager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "gavotte/error.h"
#include "reference_map.h"

namespace gavotte {
namespace {

using testing::points_of;

Coordinates some_points(int count = 60, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  return Coordinates(testing::random_points(random, 3, count, -6, 10, 2).view());
}

template <class F>
std::string error_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Coordinates, KeepsTheRowOrderAndKnowsTheKeyOrder) {
  const Coordinates set = some_points();
  const auto points = points_of(set);
  const auto order = set.order().span<std::int32_t>();
  ASSERT_EQ(order.size(), points.size());
  for (std::size_t i = 1; i < order.size(); ++i) {
    EXPECT_LT(points[static_cast<std::size_t>(order[i - 1])],
              points[static_cast<std::size_t>(order[i])]);
  }
}

TEST(Coordinates, LargeSetsSortTheSameWithAnyNumberOfThreads) {
  std::mt19937_64 random(2);
  for (const std::int64_t extent :
       {100LL, 100'000LL, 4'000'000'000LL}) {  // 32, 64 and 128 bit keys
    const Tensor points = testing::random_points(random, 3, 70000, -extent / 2, extent);
    const Coordinates one(points.view(), 1, StrideStyle::divided, {.threads = 1});
    const auto expected = points_of(one);
    const auto order = one.order().span<std::int32_t>();
    for (std::size_t i = 1; i < order.size(); ++i) {
      ASSERT_LT(expected[static_cast<std::size_t>(order[i - 1])],
                expected[static_cast<std::size_t>(order[i])]);
    }
    for (const int threads : {2, 5}) {
      const Coordinates many(points.view(), 1, StrideStyle::divided, {.threads = threads});
      const auto other = many.order().span<std::int32_t>();
      ASSERT_TRUE(std::equal(order.begin(), order.end(), other.begin(), other.end()));
    }
  }
}

TEST(Coordinates, DuplicatesNameTheFirstPair) {
  const std::vector<std::int32_t> values = {0, 1, 1, 1, 0, 2, 2, 2, 0, 1, 1, 1, 0, 2, 2, 2};
  const std::string message = error_of([&] {
    Coordinates(Tensor::from<std::int32_t>(values, {4, 4}).view());
  });
  EXPECT_NE(message.find("rows 0 and 2 are both (0, 1, 1, 1)"), std::string::npos) << message;
  EXPECT_NE(message.find("2 duplicates"), std::string::npos) << message;
}

TEST(Coordinates, RefusesWhatIsNoCoordinateSet) {
  const std::vector<std::int32_t> negative_batch = {-1, 0, 0, 0};
  EXPECT_NE(error_of([&] {
              Coordinates(Tensor::from<std::int32_t>(negative_batch, {1, 4}).view());
            }).find("batch"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              Coordinates(Tensor(DType::int64, {1, 4}).view());
            }).find("int32"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              Coordinates(Tensor::zeros(DType::int32, {1, 6}).view());
            }).find("[N, 1 + D]"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              Coordinates(Tensor::zeros(DType::int32, {1, 4}).view(), 0);
            }).find("stride"),
            std::string::npos);
  const std::vector<std::int32_t> odd = {0, 2, 4, 5};
  EXPECT_NE(
      error_of([&] {
        Coordinates(Tensor::from<std::int32_t>(odd, {1, 4}).view(), 2, StrideStyle::multiples);
      }).find("row 0 has 5"),
      std::string::npos);
}

TEST(Coordinates, BothStrideStylesMeanTheSameLattice) {
  const std::vector<std::int32_t> multiples = {0, -4, 2, 6, 1, 0, 8, -2};
  const Coordinates set(Tensor::from<std::int32_t>(multiples, {2, 4}).view(), 2,
                        StrideStyle::multiples);
  EXPECT_EQ(points_of(set), (std::vector<testing::Point>{{0, -2, 1, 3}, {1, 0, 4, -1}}));
  const Tensor back = set.values(StrideStyle::multiples);
  EXPECT_TRUE(std::equal(multiples.begin(), multiples.end(), back.span<std::int32_t>().begin()));
  EXPECT_EQ(set.batch_size(), 2);
}

TEST(CoordinateManager, CachesByAllThatDefinesAMap) {
  const Coordinates input = some_points();
  CoordinateManager manager;
  const MapResult first = manager.kernel_map(input, ConvSpec::submanifold(3));
  EXPECT_EQ(manager.kernel_map(input, ConvSpec::submanifold(3)).map.data(), first.map.data());
  EXPECT_NE(manager.kernel_map(input, ConvSpec::submanifold(3, 2)).map.data(), first.map.data());
  EXPECT_NE(manager.kernel_map(input, ConvSpec::submanifold(5)).map.data(), first.map.data());
  EXPECT_EQ(manager.cached_maps(), 3);

  const MapResult padded = manager.kernel_map(input, ConvSpec::strided(3, 2, 1));
  const MapResult plain = manager.kernel_map(input, ConvSpec::strided(3, 2, 0));
  EXPECT_FALSE(padded.output.same_as(plain.output));
  EXPECT_TRUE(manager.kernel_map(input, ConvSpec::strided(3, 2, 1)).output.same_as(padded.output));
  EXPECT_GT(manager.cached_bytes(), 0);
  manager.clear();
  EXPECT_EQ(manager.cached_maps(), 0);
}

TEST(CoordinateManager, InverseIsTheStridedMapReadTheOtherWay) {
  const Coordinates input = some_points();
  CoordinateManager manager;
  const MapResult down = manager.kernel_map(input, ConvSpec::strided(2, 2));
  const MapResult up = manager.kernel_map(down.output, ConvSpec::inverse(2, 2));
  EXPECT_TRUE(up.output.same_as(input));
  EXPECT_EQ(up.map.data(), down.map.data());
  EXPECT_TRUE(up.map.is_transposed());
  EXPECT_EQ(manager.cached_maps(), 1);
  testing::PairSet expected;
  for (const auto& [k, o, i] : testing::pairs_of(down.map)) expected.emplace(k, i, o);
  EXPECT_EQ(testing::pairs_of(up.map), expected);
}

TEST(CoordinateManager, TransposedReusesTheFinerSetOrExpandsByRule) {
  const Coordinates input = some_points();
  ConvSpec up = ConvSpec::transposed(3, 2);
  up.rule = CoordinateRule::floor;
  ConvSpec down = ConvSpec::strided(3, 2);
  down.rule = CoordinateRule::floor;
  CoordinateManager manager;
  const Coordinates coarse = manager.output_coordinates(input, down);
  EXPECT_TRUE(manager.output_coordinates(coarse, up).same_as(input));

  CoordinateManager fresh;  // no finer set: MinkowskiEngine expands
  EXPECT_GT(fresh.output_coordinates(coarse, up).rows(), input.rows());
  up.rule = CoordinateRule::torchsparse;
  CoordinateManager empty;
  EXPECT_NE(error_of([&] { empty.output_coordinates(coarse, up); }).find("there is none"),
            std::string::npos);
  EXPECT_TRUE(manager.output_coordinates(coarse, up).same_as(input));
}

TEST(CoordinateManager, StrideOneAsksForTheSetAtHandEachTime) {
  const Coordinates input = some_points();
  CoordinateManager manager;
  for (const CoordinateRule rule : {CoordinateRule::floor, CoordinateRule::torchsparse}) {
    for (const ConvKind kind : {ConvKind::strided, ConvKind::transposed, ConvKind::inverse}) {
      ConvSpec spec;
      spec.kind = kind;
      spec.rule = rule;
      for (int call = 0; call < 2; ++call) {
        EXPECT_TRUE(manager.output_coordinates(input, spec).same_as(input)) << spec.to_string();
      }
    }
  }
  EXPECT_TRUE(manager.output_coordinates(input, ConvSpec::inverse(1, 1)).same_as(input));
}

TEST(CoordinateManager, InverseWithoutItsStridedLayerIsAnError) {
  CoordinateManager manager;
  const Tensor points = Tensor::zeros(DType::int32, {1, 4});
  EXPECT_NE(error_of([&] {
              manager.kernel_map(Coordinates(points.view(), 2), ConvSpec::inverse(2, 2));
            }).find("run that layer first"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              manager.kernel_map(Coordinates(points.view(), 1), ConvSpec::inverse(2, 2));
            }).find("multiple of 2"),
            std::string::npos);
  EXPECT_EQ(manager.cached_maps(), 0);
}

TEST(CoordinateManager, PlansAWholeNetworkInOneCall) {
  const Coordinates input = some_points();
  CoordinateManager manager;
  const std::vector<CoordinateManager::PlannedLayer> layers = {{-1, ConvSpec::submanifold(3)},
                                                               {0, ConvSpec::strided(2, 2)},
                                                               {1, ConvSpec::submanifold(3)},
                                                               {2, ConvSpec::inverse(2, 2)},
                                                               {3, ConvSpec::submanifold(3)}};
  const auto results = manager.plan(input, layers);
  ASSERT_EQ(results.size(), layers.size());
  EXPECT_TRUE(results[4].output.same_as(input));
  EXPECT_EQ(results[4].map.data(), results[0].map.data());
  EXPECT_EQ(manager.cached_maps(), 3);
  const std::vector<CoordinateManager::PlannedLayer> wrong = {{0, ConvSpec::submanifold(3)}};
  EXPECT_NE(error_of([&] { manager.plan(input, wrong); }).find("layer 0"), std::string::npos);
}

TEST(CoordinateManager, IsWholeAfterAMove) {
  CoordinateManager manager;
  const CoordinateManager moved = std::move(manager);
  EXPECT_EQ(manager.cached_maps(), 0);  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_EQ(moved.cached_maps(), 0);
}

TEST(KernelMap, AnEmptyHandleHasNoLists) {
  const KernelMap map;
  EXPECT_THROW(map.pair_begin(), Error);
  EXPECT_THROW(map.pair_in(), Error);
  EXPECT_THROW(map.pair_out(), Error);
  EXPECT_THROW(map.table(), Error);
  EXPECT_THROW(map.masks(), Error);
  EXPECT_THROW(map.transposed().pair_in(), Error);
}

TEST(ConvSpec, RefusesOptionsWithoutMeaning) {
  const auto refused = [](auto&& change) {
    ConvSpec spec;
    change(spec);
    return error_of([&] { spec.validate(3); });
  };
  EXPECT_NE(
      refused([](ConvSpec& s) { s.stride = 2; }).find("stride has no meaning for 'submanifold'"),
      std::string::npos);
  EXPECT_NE(refused([](ConvSpec& s) { s.padding = 1; }).find("padding has no meaning"),
            std::string::npos);
  EXPECT_NE(refused([](ConvSpec& s) { s.kernel_size = 2; }).find("odd sizes"), std::string::npos);
  EXPECT_NE(refused([](ConvSpec& s) { s.kernel_size = 0; }).find("at least 1"), std::string::npos);
  EXPECT_NE(refused([](ConvSpec& s) {
              s.kernel_size = {3, 3};
            }).find("each of 3 axes"),
            std::string::npos);
  EXPECT_NE(refused([](ConvSpec& s) { s.groups = 0; }).find("groups"), std::string::npos);
  EXPECT_NE(refused([](ConvSpec& s) { s.output_padding = 1; }).find("output_padding"),
            std::string::npos);
  EXPECT_NE(refused([](ConvSpec& s) { s.spatial_shape = PerAxis(4); }).find("spatial_shape"),
            std::string::npos);
  const auto strided = [&](auto&& change) {
    return refused([&](ConvSpec& s) {
      s = ConvSpec::strided(3, 2);
      change(s);
    });
  };
  EXPECT_NE(strided([](ConvSpec& s) {
              s.rule = CoordinateRule::floor;
              s.padding = 1;
            }).find("padding has no meaning for rule 'floor'"),
            std::string::npos);
  EXPECT_NE(strided([](ConvSpec& s) {
              s.rule = CoordinateRule::torchsparse;
              s.dilation = 2;
            }).find("dilation"),
            std::string::npos);
  EXPECT_NE(strided([](ConvSpec& s) { s.kernel_size = 17; }).find("4096"), std::string::npos);
  EXPECT_EQ(strided([](ConvSpec&) {}), "no error");
}

}  // namespace
}  // namespace gavotte
