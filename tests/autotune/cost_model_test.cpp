// The model against times that were made of known constants.
#include "cost_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "candidates.h"
#include "network/initializer.h"

namespace gavotte::internal {
namespace {

DeviceIdentity cpu() { return {.kind = DeviceKind::cpu, .name = "a CPU", .cache_bytes = 1 << 20}; }

LayerShape shape(std::int64_t in, std::int64_t out, std::int64_t rows) {
  return {{.kernel = "3x3x3 s1 submanifold", .in_channels = in, .out_channels = out, .threads = 2},
          rows,
          8 * rows,
          27};
}

using Constants = std::array<double, kCostUnits>;

double cost_ms(const std::array<double, kCostUnits>& units, const Constants& ns) {
  double sum = 0;
  for (std::size_t i = 0; i < units.size(); ++i) sum += units[i] * ns[i];
  return sum * 1e-6;
}

// Random units over many powers of ten.
std::vector<CostSample> samples(const Constants& ns, int count, double noise = 0) {
  std::vector<CostSample> all;
  std::uint64_t drawn = 0;
  const auto unit = [&] { return static_cast<double>(random_bits(5, drawn++) >> 11) * 0x1p-53; };
  for (int i = 0; i < count; ++i) {
    CostSample sample;
    sample.units[0] = 1;
    for (std::size_t c = 1; c < sample.units.size(); ++c)
      sample.units[c] = std::pow(10, 3 + 4 * unit());
    sample.ms = cost_ms(sample.units, ns) * (1 + noise * (2 * unit() - 1));
    all.push_back(sample);
  }
  return all;
}

TEST(CostModel, RecoversItsConstants) {
  const Constants ns = {20000, 0.01, 0.05, 0.2, 0.03, 300, 0.1};
  const CostFit fit = fit_cost({}, samples(ns, 60));
  ASSERT_EQ(fit.ns.size(), ns.size());
  for (std::size_t i = 0; i < ns.size(); ++i) EXPECT_NEAR(fit.ns[i] / ns[i], 1, 1e-6) << i;
  EXPECT_LT(fit.error, 1e-9);
  EXPECT_EQ(fit.samples, 60);
}

// Elsewhere the config's field changes nothing.
TEST(CostModel, ProductsOfMatrixTilesAreFewer) {
  DeviceIdentity with_tiles = cpu();
  with_tiles.target = "AVX3 BF16 VNNI AMX";
  LayerShape layer = shape(64, 64, 1000), small = shape(4, 16, 1000);
  for (LayerShape* each : {&layer, &small}) each->kind.dtype = DType::bfloat16;
  ConvConfig vectors;
  vectors.matrix_tiles = false;
  const auto by_vectors = cost_units(layer, {}, cpu());
  ASSERT_TRUE(by_vectors.has_value());
  EXPECT_EQ(cost_units(layer, vectors, cpu())->values(), by_vectors->values());
  const auto by_tiles = cost_units(layer, {}, with_tiles);
  ASSERT_TRUE(by_tiles.has_value());
  EXPECT_DOUBLE_EQ(by_tiles->operations, by_vectors->operations / 16);
  EXPECT_FALSE(cost_units(layer, vectors, with_tiles).has_value());
  EXPECT_EQ(cost_units(small, vectors, with_tiles)->values(),
            cost_units(small, {}, cpu())->values());
  ConvConfig gathers;
  gathers.dataflow = Dataflow::gather_gemm_scatter;
  EXPECT_EQ(cost_units(layer, gathers, with_tiles)->values(),
            cost_units(layer, gathers, cpu())->values());
}

TEST(CostModel, SoAreThoseOfTheWeightsGradientAtAllWidths) {
  DeviceIdentity with_tiles = cpu();
  with_tiles.target = "AVX3 BF16 VNNI AMX";
  ConvConfig vectors, gathers;
  vectors.matrix_tiles = false;
  gathers.dataflow = Dataflow::gather_gemm_scatter;
  for (LayerShape layer : {shape(64, 64, 1000), shape(4, 16, 1000)}) {
    layer.kind.dtype = DType::bfloat16;
    layer.kind.direction = Direction::wgrad;
    const auto by_vectors = cost_units(layer, vectors, cpu());
    ASSERT_TRUE(by_vectors.has_value());
    EXPECT_DOUBLE_EQ(cost_units(layer, {}, with_tiles)->operations, by_vectors->operations / 16);
    EXPECT_FALSE(cost_units(layer, vectors, with_tiles).has_value());
    EXPECT_EQ(cost_units(layer, gathers, with_tiles)->values(),
              cost_units(layer, gathers, cpu())->values());
  }
}

// One range would be one thread's.
TEST(CostModel, AWeightsGradientOfOneOffsetHasWorkForSeveralThreads) {
  LayerShape layer = shape(32, 64, 7000);
  layer.kind.direction = Direction::wgrad;
  layer.offsets = 1;
  layer.pairs = layer.rows;
  const auto units = cost_units(layer, {}, cpu());
  ASSERT_TRUE(units.has_value());
  EXPECT_DOUBLE_EQ(units->operations, layer.operations() / 2);
  EXPECT_DOUBLE_EQ(units->blocks, 4.0 / 2);
  EXPECT_DOUBLE_EQ(units->weight_bytes, 4.0 / 2 * 32 * 64 * 4);
}

TEST(CostModel, UnitsThatCostNothingStayNothing) {
  const Constants ns = {20000, 0, 0.05, 0, 0.03, 0, 0};
  const CostFit fit = fit_cost({}, samples(ns, 40));
  for (std::size_t i = 0; i < ns.size(); ++i) {
    EXPECT_NEAR(fit.ns[i], ns[i], 1e-6 * ns[i]) << i;  // exactly 0 where it is 0
  }
}

TEST(CostModel, IsNeverNegative) {
  // Times that fall with one of the units would ask for a constant below 0.
  auto all = samples({10000, 0.01, 0.05, 0.2, 0, 0, 0}, 40);
  for (CostSample& sample : all) sample.ms += 100 / std::sqrt(sample.units[5]);
  const CostFit fit = fit_cost({}, all);
  for (const double ns : fit.ns) EXPECT_GE(ns, 0);
  EXPECT_GT(fit.error, 0);
}

TEST(CostModel, ErrorsAreRelative) {
  // 10 % off at most: the median is about 5 %, however the samples differ in size.
  const CostFit fit = fit_cost({}, samples({20000, 0.01, 0.05, 0.2, 0.03, 300, 0.1}, 200, 0.1));
  EXPECT_GT(fit.error, 0.02);
  EXPECT_LT(fit.error, 0.08);
}

TEST(CostModel, NothingFromNothing) {
  const CostFit fit = fit_cost({}, {});
  EXPECT_EQ(fit.samples, 0);
  EXPECT_TRUE(std::all_of(fit.ns.begin(), fit.ns.end(), [](double ns) { return ns == 0; }));
}

TEST(CostModel, CountsWhatTheBusiestThreadDoes) {
  LayerShape layer = shape(32, 32, 8192);
  ConvConfig two, one;
  two.tile_rows = 4096;
  one.tile_rows = 8192;  // leaves a thread without work
  const auto halves = cost_units(layer, two, cpu()), whole = cost_units(layer, one, cpu());
  ASSERT_TRUE(halves && whole);
  EXPECT_DOUBLE_EQ(whole->operations, 2.0 * 8 * 8192 * 32 * 32);
  EXPECT_DOUBLE_EQ(halves->operations, whole->operations / 2);
  EXPECT_DOUBLE_EQ(whole->weight_bytes, 27 * 32 * 32 * 4);
  EXPECT_DOUBLE_EQ(whole->spilled_bytes, 8.0 * 8192 * 32 * 4);  // 2 MiB in a cache of 1 MiB
  ConvConfig small;
  small.tile_rows = 1024;
  EXPECT_EQ(cost_units(layer, small, cpu())->spilled_bytes, 0);
}

TEST(CostModel, DepthwiseLayersAreNotCounted) {
  LayerShape layer = shape(32, 32, 8192);
  layer.kind.groups = 32;
  EXPECT_FALSE(cost_units(layer, {}, cpu()));
}

DeviceConfig with_model(const Constants& ns, double error) {
  DeviceConfig config(cpu());
  CostFit fit = fit_key(shape(32, 32, 8192), {}, DeviceKind::cpu);
  fit.ns.assign(ns.begin(), ns.end());
  fit.error = error;
  fit.samples = 100;
  config.put(fit);
  // Another layer of about that size, which its default was the fastest for.
  const LayerShape other = shape(16, 64, 8192);
  config.put(TunedLayer{other.kind, other.rows, other.pairs, {}, {}});
  return config;
}

TEST(CostModel, ChoosesWhereItIsSurerThanItsError) {
  // Blocks cost nearly all: the largest tile is the best by far.
  const Constants blocks = {0, 0, 0, 0, 0, 1000, 0};
  const LayerShape layer = shape(32, 32, 8192);
  const auto chosen = choose_by_model(with_model(blocks, 0.05), layer, {});
  ASSERT_TRUE(chosen);
  EXPECT_GE(chosen->tile_rows, 2048);
  EXPECT_FALSE(choose_by_model(with_model(blocks, 0.3), layer, {}));
  // Operations alone: every tile costs the same, so that the default stays.
  EXPECT_FALSE(choose_by_model(with_model({0, 1, 0, 0, 0, 0, 0}, 0.01), layer, {}));
}

TEST(CostModel, ChoosesNothingFarFromWhatItHasSeen) {
  const DeviceConfig config = with_model({0, 0, 0, 0, 0, 1000, 0}, 0.05);
  EXPECT_TRUE(choose_by_model(config, shape(32, 64, 8192), {}));
  EXPECT_FALSE(choose_by_model(config, shape(128, 128, 8192), {}));
  EXPECT_FALSE(choose_by_model(config, shape(4, 8, 8192), {}));
  // Neither a dataflow that has won nowhere, though its fit says that it costs next to nothing.
  DeviceConfig tempting = with_model({0, 1, 0, 0, 0, 0, 0}, 0.01);
  CostFit fit = tempting.cost_model()[0];
  fit.dataflow = Dataflow::gather_gemm_scatter;
  fit.ns[1] = 0.001;
  tempting.put(fit);
  EXPECT_FALSE(choose_by_model(tempting, shape(32, 32, 8192), {}));
  ConvConfig gathered;
  gathered.dataflow = Dataflow::gather_gemm_scatter;
  const LayerShape other = shape(64, 16, 8192);
  tempting.put(TunedLayer{other.kind, other.rows, other.pairs, gathered, {}});
  EXPECT_TRUE(choose_by_model(tempting, shape(32, 32, 8192), {}));
}

TEST(CostModel, IsAskedLastByALookUp) {
  const LayerShape layer = shape(32, 32, 8192);
  DeviceConfig config = with_model({0, 0, 0, 0, 0, 1000, 0}, 0.05);
  ConvConfig otherwise;
  otherwise.allow_tf32 = true;
  LayerChoice choice = config.find(layer.kind, layer.rows, layer.pairs, otherwise);
  EXPECT_EQ(choice.source, ConfigSource::cost_model);
  EXPECT_TRUE(choice.config.allow_tf32);
  ConvConfig tuned;
  tuned.tile_rows = 333;
  config.put(TunedLayer{layer.kind, 16384, 8 * 16384, tuned, {}});
  choice = config.find(layer.kind, layer.rows, layer.pairs, otherwise);
  EXPECT_EQ(choice.source, ConfigSource::nearest);
  EXPECT_EQ(choice.config.tile_rows, 333);
}

TEST(CostModel, PredictsNothingWithoutAFitOfItsKind) {
  const DeviceConfig config = with_model({1, 1, 1, 1, 1, 1, 1}, 0.01);
  LayerShape layer = shape(32, 32, 8192);
  EXPECT_TRUE(predict(config.cost_model(), layer, {}, cpu()));
  ConvConfig other;
  other.dataflow = Dataflow::gather_gemm_scatter;
  EXPECT_FALSE(predict(config.cost_model(), layer, other, cpu()));
  layer.kind.dtype = DType::float64;
  EXPECT_FALSE(predict(config.cost_model(), layer, {}, cpu()));
  DeviceConfig few(cpu());
  CostFit fit = config.cost_model()[0];
  fit.samples = kLeastCostSamples - 1;
  few.put(fit);
  EXPECT_FALSE(predict(few.cost_model(), shape(32, 32, 8192), {}, cpu()));
}

}  // namespace
}  // namespace gavotte::internal
