// The CPU's convolutions against the definition in double, and the same bits for every number of
// threads.
#include "cpu/convolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <ostream>
#include <set>
#include <vector>

#include "expect.h"
#include "gavotte/coordinate_manager.h"
#include "reference.h"

namespace gavotte::internal {
namespace {

namespace ref = gavotte::testing;
using ref::expect_close;
using ref::expect_same_bits;

struct Layer {
  std::int64_t in, out;
  int groups;
};

constexpr Layer kLayers[] = {{4, 16, 1}, {16, 16, 1},  {1, 1, 1},   {1, 5, 1},
                             {5, 1, 1},  {7, 9, 1},    {32, 24, 4}, {6, 9, 3},
                             {8, 8, 8},  {19, 19, 19}, {5, 15, 5},  {64, 64, 1}};
/// The dataflows that gather nothing and everything.
ConvConfig with(Dataflow dataflow) {
  ConvConfig config;
  config.dataflow = dataflow;
  return config;
}
const ConvConfig kDataflows[] = {with(Dataflow::automatic), with(Dataflow::tile_indirect),
                                 with(Dataflow::gather_gemm_scatter)};
constexpr DType kDTypes[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16};

ConvPlan plan_of(const ref::ReferenceMap& map, const Layer& layer, const ConvConfig& config = {}) {
  return {map.map, layer.in, layer.out, layer.groups, config};
}

Execution threads(int count) {
  Execution execution;
  execution.threads = count;
  return execution;
}

// A tensor full of NaN: whatever an operation leaves unwritten shows.
Tensor unwritten(DType dtype, Shape shape) {
  Tensor tensor(dtype, shape);
  std::memset(tensor.data(), 0xff, static_cast<std::size_t>(tensor.view().bytes()));
  return tensor;
}

struct Results {
  Tensor y, grad_x, grad_w;
};

// Inputs of all three operations, and what they give by definition.
struct Case {
  const ref::ReferenceMap& map;
  Layer layer;
  DType dtype;
  ref::Values x, w, grad_y;
  ref::Expected y{0}, grad_x{0}, grad_w{0};

  Case(const ref::ReferenceMap& map, Layer layer, DType dtype, unsigned seed)
      : map(map), layer(layer), dtype(dtype) {
    std::mt19937 random(seed);
    x = ref::random_values(random, dtype, {map.in_rows, layer.in});
    w = ref::random_values(random, dtype, {map.offsets, layer.in / layer.groups, layer.out});
    grad_y = ref::random_values(random, dtype, {map.out_rows, layer.out});
    y = ref::forward(map, layer.in, layer.out, layer.groups, x.exact, w.exact);
    grad_x = ref::dgrad(map, layer.in, layer.out, layer.groups, grad_y.exact, w.exact);
    grad_w = ref::wgrad(map, layer.in, layer.out, layer.groups, x.exact, grad_y.exact);
  }

  Results run(const ConvConfig& config = {}, int thread_count = 1) const {
    const ConvPlan plan = plan_of(map, layer, config);
    Results results{unwritten(dtype, {map.out_rows, layer.out}),
                    unwritten(dtype, {map.in_rows, layer.in}),
                    unwritten(dtype, {map.offsets, layer.in / layer.groups, layer.out})};
    const Execution execution = threads(thread_count);
    cpu::convolution_forward(execution, plan, x.tensor, w.tensor, {}, results.y);
    cpu::convolution_dgrad(execution, plan, grad_y.tensor, w.tensor, results.grad_x);
    cpu::convolution_wgrad(execution, plan, x.tensor, grad_y.tensor, results.grad_w);
    return results;
  }

  void expect_right(const Results& results) const {
    expect_close(results.y, y);
    expect_close(results.grad_x, grad_x);
    expect_close(results.grad_w, grad_w);
  }
};

std::string describe(const Layer& layer, DType dtype) {
  return std::to_string(layer.in) + " -> " + std::to_string(layer.out) + ", groups " +
         std::to_string(layer.groups) + ", " + std::string(name(dtype));
}

TEST(CpuConvolution, SubmanifoldEqualsTheDefinition) {
  std::mt19937 random(1);
  const auto map = ref::submanifold_map(random, 300, 9, 3);
  for (const Layer& layer : kLayers) {
    for (const DType dtype : kDTypes) {
      SCOPED_TRACE(describe(layer, dtype));
      const Case test(map, layer, dtype, 7);
      for (const ConvConfig& config : kDataflows) test.expect_right(test.run(config));
    }
  }
}

TEST(CpuConvolution, StridedEqualsTheDefinition) {
  std::mt19937 random(2);
  const auto map = ref::strided_map(random, 400, 100, 10, 3);
  for (const Layer& layer : kLayers) {
    for (const DType dtype : kDTypes) {
      SCOPED_TRACE(describe(layer, dtype));
      const Case test(map, layer, dtype, 8);
      for (const ConvConfig& config : kDataflows) test.expect_right(test.run(config));
    }
  }
}

TEST(CpuConvolution, MapsReadTheOtherWayEqualTheDefinition) {
  std::mt19937 random(3);
  auto map = ref::strided_map(random, 300, 80, 10, 2);
  for (ref::Pair& pair : map.pairs) std::swap(pair.in, pair.out);
  std::swap(map.in_rows, map.out_rows);
  map.map = map.map.transposed();
  for (const DType dtype : kDTypes) {
    const Case test(map, {8, 12, 1}, dtype, 9);
    for (const ConvConfig& config : kDataflows) test.expect_right(test.run(config));
  }
}

TEST(CpuConvolution, KernelsOfOneAndOf125Offsets) {
  std::mt19937 random(4);
  for (const int size : {1, 5}) {
    const auto map = ref::submanifold_map(random, 200, 7, size);
    for (const DType dtype : kDTypes) {
      const Case test(map, {12, 20, 2}, dtype, 10);
      for (const ConvConfig& config : kDataflows) test.expect_right(test.run(config));
    }
  }
}

TEST(CpuConvolution, EveryConfigurationEqualsTheDefinition) {
  std::mt19937 random(5);
  const auto map = ref::submanifold_map(random, 350, 8, 3);
  for (const DType dtype : {DType::float32, DType::bfloat16}) {
    const Case test(map, {20, 37, 1}, dtype, 11);
    for (const GroupingPolicy policy :
         {GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none}) {
      for (const std::int32_t tile_rows : {1, 17, 64, 1 << 20}) {
        for (const std::int32_t channel_tile : {0, 1, 7, 64}) {
          ConvConfig config = with(Dataflow::gather_gemm_scatter);
          config.grouping = policy;
          config.tile_rows = tile_rows;
          config.gather_channel_tile = channel_tile;
          config.scatter_channel_tile = channel_tile;
          config.padding_threshold = 4.0F;
          config.wgrad_chunk_pairs = tile_rows;
          SCOPED_TRACE(config.to_string());
          test.expect_right(test.run(config));
        }
      }
    }
  }
}

TEST(CpuConvolution, TilesOfAnyHeightGiveTheSameBits) {
  std::mt19937 random(5);
  const auto map = ref::submanifold_map(random, 350, 8, 3);
  for (const DType dtype : kDTypes) {
    for (const Layer& layer : {Layer{20, 37, 1}, Layer{16, 96, 1}, Layer{130, 12, 2}}) {
      const Case test(map, layer, dtype, 11);
      const Results expected = test.run(with(Dataflow::tile_indirect));
      test.expect_right(expected);
      for (const std::int32_t tile_rows : {1, 7, 64, 1 << 20}) {
        ConvConfig config = with(Dataflow::tile_indirect);
        config.tile_rows = tile_rows;
        const Results given = test.run(config, 2);
        expect_same_bits(given.y, expected.y);
        expect_same_bits(given.grad_x, expected.grad_x);
      }
    }
  }
}

// Rows in no order: the map's lists are in key order, and tiles hold rows from everywhere.
TEST(CpuConvolution, ShuffledRowsEqualTheDefinition) {
  std::mt19937 random(20);
  const auto coordinate = [&] { return static_cast<std::int32_t>(random() % 9); };
  std::set<std::array<std::int32_t, 3>> distinct;
  while (distinct.size() < 250) distinct.insert({coordinate(), coordinate(), coordinate()});
  std::vector<std::array<std::int32_t, 3>> points(distinct.begin(), distinct.end());
  std::shuffle(points.begin(), points.end(), random);
  std::vector<std::int32_t> values;
  for (const auto& point : points) values.insert(values.end(), {0, point[0], point[1], point[2]});
  const Coordinates set(Tensor::from<std::int32_t>(values, {250, 4}).view());
  CoordinateManager manager;
  for (const ConvSpec& spec :
       {ConvSpec::submanifold(1), ConvSpec::submanifold(3), ConvSpec::strided(2, 2)}) {
    const KernelMap given = manager.kernel_map(set, spec).map;
    for (const KernelMap& map : {given, given.transposed()}) {
      const ref::ReferenceMap reference = ref::reference_of(map);
      for (const DType dtype : kDTypes) {
        for (const Layer& layer :
             {Layer{6, 21, 1}, Layer{8, 8, 2}, Layer{5, 5, 5}, Layer{64, 48, 1}}) {
          SCOPED_TRACE(describe(layer, dtype));
          const Case test(reference, layer, dtype, 21);
          for (ConvConfig config : kDataflows) {
            config.tile_rows = 37;
            test.expect_right(test.run(config, 2));
          }
          // The same with an epilogue, whose residual belongs to rows.
          const auto residual = ref::random_values(random, dtype, {map.out_rows(), layer.out});
          Epilogue epilogue;
          epilogue.residual = residual.tensor;
          auto expected = ref::forward(reference, layer.in, layer.out, layer.groups, test.x.exact,
                                       test.w.exact);
          for (std::size_t i = 0; i < expected.value.size(); ++i) {
            expected.value[i] += residual.exact[i];
            expected.magnitude[i] += std::abs(residual.exact[i]);
          }
          ++expected.terms;
          for (ConvConfig config : kDataflows) {
            config.tile_rows = 37;
            Tensor y = unwritten(dtype, {map.out_rows(), layer.out});
            cpu::convolution_forward(threads(2), plan_of(reference, layer, config), test.x.tensor,
                                     test.w.tensor, epilogue, y);
            expect_close(y, expected);
          }
        }
      }
    }
  }
}

TEST(CpuConvolution, SameBitsForEveryThreadCountAndRun) {
  std::mt19937 random(6);
  const auto submanifold = ref::submanifold_map(random, 500, 10, 3);
  const auto strided = ref::strided_map(random, 500, 110, 10, 3);
  for (const auto* map : {&submanifold, &strided}) {
    for (const Layer& layer : {Layer{16, 33, 1}, Layer{12, 12, 3}, Layer{24, 24, 24}}) {
      for (const DType dtype : kDTypes) {
        const Case test(*map, layer, dtype, 12);
        for (ConvConfig config : kDataflows) {
          config.tile_rows = 32;
          config.wgrad_chunk_pairs = 40;
          const Results one = test.run(config, 1);
          for (const int thread_count : {1, 2, 3, 8}) {
            const Results other = test.run(config, thread_count);
            expect_same_bits(one.y, other.y);
            expect_same_bits(one.grad_x, other.grad_x);
            expect_same_bits(one.grad_w, other.grad_w);
          }
        }
      }
    }
  }
}

// Where no config says how many rows a tile has.
TEST(CpuConvolution, PointwiseBitsDoNotFollowTheThreads) {
  std::mt19937 random(22);
  const auto map = ref::submanifold_map(random, 700, 14, 1);
  for (const DType dtype : kDTypes) {
    SCOPED_TRACE(name(dtype));
    const Case test(map, {160, 200, 1}, dtype, 23);
    const Results one = test.run({}, 1);
    test.expect_right(one);
    for (const int thread_count : {2, 3, 8}) {
      const Results other = test.run({}, thread_count);
      expect_same_bits(one.y, other.y);
      expect_same_bits(one.grad_x, other.grad_x);
      expect_same_bits(one.grad_w, other.grad_w);
    }
  }
}

TEST(CpuConvolution, EpiloguesEqualTheDefinition) {
  std::mt19937 random(7);
  const auto submanifold = ref::submanifold_map(random, 200, 8, 3);
  const auto pointwise = ref::submanifold_map(random, 200, 8, 1);
  for (const auto* map : {&submanifold, &pointwise}) {
    for (const Layer& layer : {Layer{8, 21, 1}, Layer{12, 12, 12}}) {
      for (const DType dtype : kDTypes) {
        const Case test(*map, layer, dtype, 13);
        const DType vector_dtype = dtype == DType::float64 ? DType::float64 : DType::float32;
        const auto scale = ref::random_values(random, vector_dtype, {layer.out});
        const auto shift = ref::random_values(random, vector_dtype, {layer.out});
        const auto residual = ref::random_values(random, dtype, {map->out_rows, layer.out});
        const auto sums =
            ref::forward(*map, layer.in, layer.out, layer.groups, test.x.exact, test.w.exact);
        for (const Activation activation :
             {Activation::none, Activation::relu, Activation::leaky_relu, Activation::sigmoid}) {
          for (int parts = 0; parts < 8; ++parts) {
            Epilogue epilogue;
            if (parts & 1) epilogue.scale = scale.tensor;
            if (parts & 2) epilogue.shift = shift.tensor;
            if (parts & 4) epilogue.residual = residual.tensor;
            epilogue.activation = activation;
            epilogue.negative_slope = 0.125F;
            Tensor y = unwritten(dtype, {map->out_rows, layer.out});
            cpu::convolution_forward(threads(2), plan_of(*map, layer), test.x.tensor, test.w.tensor,
                                     epilogue, y);
            const auto actual = ref::to_doubles(y);
            for (std::size_t i = 0; i < actual.size(); ++i) {
              const std::size_t c = i % static_cast<std::size_t>(layer.out);
              const double factor = parts & 1 ? scale.exact[c] : 1;
              const double added =
                  (parts & 2 ? shift.exact[c] : 0) + (parts & 4 ? residual.exact[i] : 0);
              const double magnitude = std::abs(factor) * sums.magnitude[i] +
                                       (parts & 2 ? std::abs(shift.exact[c]) : 0) +
                                       (parts & 4 ? std::abs(residual.exact[i]) : 0);
              double expected = factor * sums.value[i] + added;
              if (activation == Activation::relu) expected = std::max(expected, 0.0);
              if (activation == Activation::leaky_relu && expected < 0) expected *= 0.125;
              if (activation == Activation::sigmoid) expected = 1 / (1 + std::exp(-expected));
              // No activation's slope is above 1; a sigmoid adds operations on values up to 1.
              ASSERT_NEAR(actual[i], expected,
                          ref::tolerance(dtype, sums.terms, magnitude + 1, expected, 6))
                  << describe(layer, dtype) << " parts " << parts << " element " << i;
            }
          }
        }
      }
    }
  }
}

TEST(CpuConvolution, EmptyMapsWriteWhatAConvolutionOfNothingIs) {
  const auto no_rows = ref::make_reference(27, 0, 0, 13, {});
  const auto no_pairs = ref::make_reference(27, 5, 3, -1, {});
  const auto no_outputs = ref::make_reference(27, 5, 0, -1, {});
  for (const auto* map : {&no_rows, &no_pairs, &no_outputs}) {
    for (const Layer& layer : {Layer{3, 4, 1}, Layer{4, 4, 4}}) {
      for (const DType dtype : kDTypes) {
        const Case test(*map, layer, dtype, 14);
        test.expect_right(test.run());
      }
    }
  }
}

TEST(CpuConvolution, NoNanComesFromPaddingOrOldMemory) {
  std::mt19937 random(8);
  const auto map = ref::submanifold_map(random, 250, 8, 3);
  ConvConfig config = with(Dataflow::gather_gemm_scatter);
  config.padding_threshold = 8.0F;
  config.launch_cost_rows = 1e5F;
  ASSERT_GT(cpu::padding_ratio(plan_of(map, {6, 6, 1}, config)), 1.0);
  for (const DType dtype : kDTypes) {
    Case poisoned(map, {6, 6, 1}, dtype, 15);
    std::memset(poisoned.x.tensor.data(), 0xff,
                static_cast<std::size_t>(poisoned.x.tensor.view().bytes()));
    std::memset(poisoned.grad_y.tensor.data(), 0xff,
                static_cast<std::size_t>(poisoned.grad_y.tensor.view().bytes()));
    poisoned.run(config);  // leaves NaN in every workspace
    const Case clean(map, {6, 6, 1}, dtype, 16);
    clean.expect_right(clean.run(config));
  }
}

TEST(CpuConvolution, AnInfiniteInputReachesOnlyItsOwnOutputs) {
  std::mt19937 random(9);
  const auto map = ref::submanifold_map(random, 250, 8, 3);
  Case test(map, {6, 6, 1}, DType::float32, 17);
  for (int c = 0; c < 6; ++c)
    test.x.tensor.span<float>()[static_cast<std::size_t>(c)] =
        std::numeric_limits<float>::infinity();
  std::vector<bool> reached(250, false);
  for (const ref::Pair& pair : map.pairs)
    if (pair.in == 0) reached[static_cast<std::size_t>(pair.out)] = true;
  for (ConvConfig config : kDataflows) {
    config.padding_threshold = 8.0F;
    const auto y = ref::to_doubles(test.run(config).y);
    for (std::size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(!std::isfinite(y[i]), reached[i / 6]) << i << config.to_string();
  }
}

TEST(CpuConvolution, GradientsAreAdjointToTheForwardPass) {
  // <grad_y, A x> = <A^T grad_y, x> and = <grad_w, w>; all sums in double.
  std::mt19937 random(10);
  const auto map = ref::strided_map(random, 300, 90, 10, 3);
  for (const Layer& layer : kLayers) {
    const Case test(map, layer, DType::float64, 18);
    const Results results = test.run();
    const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
      return sum;
    };
    const double forward = dot(test.grad_y.exact, ref::to_doubles(results.y));
    // Every term is a product of three values up to 1: the magnitude is at most the number of
    // products.
    const double products = static_cast<double>(map.pairs.size()) *
                            static_cast<double>(layer.in * layer.out) / layer.groups;
    const double tolerance = 0x1p-52 * std::sqrt(products) * products;
    EXPECT_NEAR(dot(ref::to_doubles(results.grad_x), test.x.exact), forward, tolerance);
    EXPECT_NEAR(dot(ref::to_doubles(results.grad_w), test.w.exact), forward, tolerance);
  }
}

TEST(CpuConvolution, WeightGradientEqualsFiniteDifferences) {
  // The forward pass is linear in the weights, so a step of 1 has no truncation error: only
  // rounding remains.
  std::mt19937 random(11);
  const auto map = ref::submanifold_map(random, 60, 5, 3);
  for (const Layer& layer : {Layer{4, 6, 2}, Layer{3, 3, 3}}) {
    Case test(map, layer, DType::float64, 19);
    const Results base = test.run();
    const auto y0 = ref::to_doubles(base.y), gradient = ref::to_doubles(base.grad_w);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double kept = test.w.tensor.span<double>()[i];
      test.w.tensor.span<double>()[i] = kept + 1;
      const auto y1 = ref::to_doubles(test.run().y);
      test.w.tensor.span<double>()[i] = kept;
      double difference = 0;
      for (std::size_t j = 0; j < y1.size(); ++j)
        difference += test.grad_y.exact[j] * (y1[j] - y0[j]);
      ASSERT_NEAR(difference, gradient[i], 0x1p-52 * 60.0 * 27 * 6 * 10) << i;
    }
  }
}

TEST(CpuConvolution, ColumnSumEqualsTheDefinitionOnAnyThreads) {
  for (const DType dtype : kDTypes) {
    for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{1}, std::int64_t{20000}}) {
      std::mt19937 random(12);
      const auto x = ref::random_values(random, dtype, {rows, 5});
      ref::Expected expected(5);
      for (std::size_t i = 0; i < x.exact.size(); ++i)
        expected.add(static_cast<std::int64_t>(i % 5), x.exact[i]);
      expected.terms = rows;
      Tensor one = unwritten(dtype, {5});
      cpu::column_sum(threads(1), x.tensor, one);
      expect_close(one, expected);
      for (const int thread_count : {2, 3, 8}) {
        Tensor other = unwritten(dtype, {5});
        cpu::column_sum(threads(thread_count), x.tensor, other);
        expect_same_bits(one, other);
      }
    }
  }
}

TEST(CpuConvolution, PaddingRatioFollowsTheConfiguration) {
  std::mt19937 random(13);
  const auto map = ref::submanifold_map(random, 400, 9, 3);
  EXPECT_EQ(cpu::padding_ratio(plan_of(map, {16, 16, 1}, with(Dataflow::tile_indirect))), 1.0);
  ConvConfig config = with(Dataflow::gather_gemm_scatter);
  config.grouping = GroupingPolicy::none;
  EXPECT_EQ(cpu::padding_ratio(plan_of(map, {16, 16, 1}, config)), 1.0);
  config.grouping = GroupingPolicy::greedy;
  config.padding_threshold = 0.5F;
  const double greedy = cpu::padding_ratio(plan_of(map, {16, 16, 1}, config));
  EXPECT_GT(greedy, 1.0);
  EXPECT_LE(greedy, 1.5);
  config.dataflow = Dataflow::automatic;
  const auto pointwise = ref::submanifold_map(random, 100, 9, 1);
  EXPECT_EQ(cpu::padding_ratio(plan_of(pointwise, {16, 16, 1}, config)), 1.0);
}

}  // namespace
}  // namespace gavotte::internal
