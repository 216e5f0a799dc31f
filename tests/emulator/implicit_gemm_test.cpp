// The output-stationary dataflow on the emulated GPU against the definition in double and the CPU.
#include "cuda/implicit_gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "convolution/reference.h"
#include "cpu/convolution.h"
#include "cuda/memory.h"
#include "cuda_cases.h"
#include "emulated_device.h"
#include "far_memory.h"

namespace gavotte::internal::cuda {
namespace {

namespace ref = gavotte::testing;

struct Layer {
  std::int64_t in, out;
  int groups;
};

// Each kernel and tile: thin, 16, 32 and 64 columns; packed and not; several tiles; edges.
constexpr Layer kLayers[] = {{1, 1, 1},   {1, 5, 1},   {5, 1, 1},   {7, 9, 1},
                             {4, 16, 1},  {16, 16, 1}, {12, 20, 1}, {32, 24, 4},
                             {6, 9, 3},   {8, 8, 8},   {5, 15, 5},  {19, 19, 19},
                             {20, 37, 1}, {64, 64, 1}, {33, 70, 1}, {40, 80, 2}};
constexpr DType kDTypes[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16};

std::string describe(const Layer& layer, DType dtype) {
  return std::to_string(layer.in) + " -> " + std::to_string(layer.out) + ", groups " +
         std::to_string(layer.groups) + ", " + std::string(name(dtype));
}

class ImplicitGemm : public ::testing::Test {
 protected:
  ref::EmulatedDevice device;
};

class ImplicitGemmOnFibers : public ImplicitGemm {
 protected:
  void SetUp() override {
    if (ref::kUnderThreadSanitizer) GTEST_SKIP() << "ImplicitGemm's schedules run the same kernels";
  }
};

struct Case {
  const ref::ReferenceMap& map;
  Layer layer;
  DType dtype;
  ref::Values x, w;

  Case(const ref::ReferenceMap& map, Layer layer, DType dtype, unsigned seed)
      : map(map), layer(layer), dtype(dtype) {
    std::mt19937 random(seed);
    x = ref::random_values(random, dtype, {map.in_rows, layer.in});
    w = ref::random_values(random, dtype, {map.offsets, layer.in / layer.groups, layer.out});
  }

  Tensor run(const Execution& execution, const Epilogue& epilogue = {}) const {
    Tensor y = ref::unwritten(dtype, {map.out_rows, layer.out});
    const ConvPlan plan{map.map, layer.in, layer.out, layer.groups, {}};
    if (execution.device.kind == DeviceKind::cuda) {
      implicit_gemm_forward(execution, plan, x.tensor, w.tensor, epilogue, y);
    } else {
      cpu::convolution_forward(execution, plan, x.tensor, w.tensor, epilogue, y);
    }
    return y;
  }
  Tensor run_on_cpu(const Epilogue& epilogue = {}) const {
    return run(Execution{.threads = 1}, epilogue);
  }

  void expect_right(const Tensor& y) const {
    const auto expected = ref::forward(map, layer.in, layer.out, layer.groups, x.exact, w.exact);
    const auto values = ref::to_doubles(y), cpu_values = ref::to_doubles(run_on_cpu());
    ASSERT_EQ(values.size(), expected.value.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double tolerance =
          ref::tolerance(dtype, expected.terms, expected.magnitude[i], expected.value[i]);
      ASSERT_NEAR(values[i], expected.value[i], tolerance) << "element " << i;
      ASSERT_NEAR(values[i], cpu_values[i], 2 * tolerance) << "element " << i;
    }
  }
};

TEST_F(ImplicitGemmOnFibers, EqualsTheDefinitionAndTheCpu) {
  std::mt19937 random(1);
  const auto submanifold = ref::submanifold_map(random, 130, 7, 3);
  const auto strided = ref::strided_map(random, 120, 30, 8, 2);
  for (const auto* map : {&submanifold, &strided}) {
    for (const Layer& layer : kLayers) {
      for (const DType dtype : kDTypes) {
        SCOPED_TRACE(describe(layer, dtype));
        const Case test(*map, layer, dtype, 7);
        test.expect_right(test.run(device.execution));
      }
    }
  }
}

TEST_F(ImplicitGemmOnFibers, MapsReadTheOtherWayEqualTheDefinition) {
  std::mt19937 random(2);
  auto map = ref::strided_map(random, 90, 40, 8, 3);
  for (ref::Pair& pair : map.pairs) std::swap(pair.in, pair.out);
  std::swap(map.in_rows, map.out_rows);
  map.map = map.map.transposed();
  for (const DType dtype : kDTypes) {
    for (const Layer& layer : {Layer{12, 20, 2}, Layer{6, 6, 6}}) {
      const Case test(map, layer, dtype, 9);
      test.expect_right(test.run(device.execution));
    }
  }
}

TEST_F(ImplicitGemmOnFibers, OneOffsetAndMoreThanABatchOfThem) {
  std::mt19937 random(3);
  for (const int size : {1, 4, 5}) {
    const auto map = ref::map_between(ref::random_voxels(random, 70, 6),
                                      ref::random_voxels(random, 65, 6), size, 1, false);
    for (const Layer& layer : {Layer{12, 20, 1}, Layer{3, 6, 3}}) {
      const Case test(map, layer, DType::float32, 10);
      test.expect_right(test.run(device.execution));
    }
  }
}

/// A whole batch of offsets whose votes are all yes, and a block of memory that ends with the input.
TEST_F(ImplicitGemmOnFibers, ReadsNoRowBehindTheInput) {
  std::vector<ref::Pair> pairs;
  for (int k = 0; k < 32; ++k) pairs.push_back({k, 0, 0});
  const auto map = ref::make_reference(32, 1, 1, -1, pairs);
  Case test(map, {16, 16, 1}, DType::float32, 12);
  test.x.tensor = test.x.tensor.to(device.execution.device);
  test.expect_right(test.run(device.execution));
}

TEST_F(ImplicitGemmOnFibers, EpiloguesAreTheCpus) {
  std::mt19937 random(4);
  const auto map = ref::strided_map(random, 80, 20, 8, 2);
  for (const Layer& layer : {Layer{8, 21, 1}, Layer{8, 24, 1}, Layer{12, 12, 12}}) {
    for (const DType dtype : kDTypes) {
      const Case test(map, layer, dtype, 13);
      const DType vector_dtype = dtype == DType::float64 ? DType::float64 : DType::float32;
      const auto scale = ref::random_values(random, vector_dtype, {layer.out});
      const auto shift = ref::random_values(random, vector_dtype, {layer.out});
      const auto residual = ref::random_values(random, dtype, {map.out_rows, layer.out});
      const auto sums =
          ref::forward(map, layer.in, layer.out, layer.groups, test.x.exact, test.w.exact);
      for (const Activation activation :
           {Activation::none, Activation::relu, Activation::leaky_relu, Activation::sigmoid}) {
        for (int parts = 0; parts < 8; ++parts) {
          Epilogue epilogue;
          if ((parts & 1) != 0) epilogue.scale = scale.tensor;
          if ((parts & 2) != 0) epilogue.shift = shift.tensor;
          if ((parts & 4) != 0) epilogue.residual = residual.tensor;
          epilogue.activation = activation;
          epilogue.negative_slope = 0.125F;
          const auto given = ref::to_doubles(test.run(device.execution, epilogue));
          const auto expected = ref::to_doubles(test.run_on_cpu(epilogue));
          for (std::size_t i = 0; i < given.size(); ++i) {
            // Scale, shift and residual are below 1, no activation's slope is above 1.
            const double magnitude = sums.magnitude[i] + 3;
            ASSERT_NEAR(given[i], expected[i],
                        2 * ref::tolerance(dtype, sums.terms, magnitude, expected[i], 6))
                << describe(layer, dtype) << " parts " << parts << " element " << i;
          }
        }
      }
    }
  }
}

TEST_F(ImplicitGemmOnFibers, InfinitiesReachOnlyTheRowsThatHaveThem) {
  std::mt19937 random(5);
  const auto map = ref::submanifold_map(random, 100, 6, 3);
  for (const Layer& layer : {Layer{6, 20, 1}, Layer{6, 6, 6}}) {
    Case test(map, layer, DType::float32, 17);
    for (std::int64_t c = 0; c < layer.in; ++c)
      test.x.tensor.span<float>()[static_cast<std::size_t>(c)] =
          std::numeric_limits<float>::infinity();
    // All weights of offset 5.
    const std::int64_t volume = layer.in / layer.groups * layer.out;
    for (std::int64_t i = 0; i < volume; ++i)
      test.w.tensor.span<float>()[static_cast<std::size_t>(5 * volume + i)] =
          std::numeric_limits<float>::infinity();
    std::vector<bool> reached(100, false);
    for (const ref::Pair& pair : map.pairs)
      if (pair.in == 0 || pair.k == 5) reached[static_cast<std::size_t>(pair.out)] = true;
    const auto y = ref::to_doubles(test.run(device.execution));
    for (std::size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(!std::isfinite(y[i]), reached[i / static_cast<std::size_t>(layer.out)]) << i;
  }
}

TEST_F(ImplicitGemm, SameBitsForEveryOrderOfBlocksAndEngine) {
  std::mt19937 random(6);
  const auto map = ref::strided_map(random, 90, 70, 10, 2);
  for (const Layer& layer : {Layer{4, 4, 4}, Layer{17, 33, 1}, Layer{12, 40, 2}, Layer{5, 14, 1}}) {
    for (const DType dtype : {DType::float32, DType::float16}) {
      const Case test(map, layer, dtype, 9);
      const Tensor first = test.run(device.execution);
      ref::for_each_schedule(
          [&] { EXPECT_TRUE(ref::same_bits(first, test.run(device.execution))); });
    }
  }
}

TEST_F(ImplicitGemmOnFibers, RowsWithoutPairsGetTheEpilogueOfZero) {
  const auto no_rows = ref::make_reference(27, 0, 0, 13, {});
  const auto no_pairs = ref::make_reference(27, 5, 3, -1, {});
  const auto no_outputs = ref::make_reference(27, 5, 0, -1, {});
  for (const auto* map : {&no_rows, &no_pairs, &no_outputs}) {
    for (const Layer& layer : {Layer{3, 14, 1}, Layer{4, 4, 4}}) {
      for (const DType dtype : kDTypes) {
        const Case test(*map, layer, dtype, 14);
        test.expect_right(test.run(device.execution));
        Epilogue epilogue;
        epilogue.activation = Activation::sigmoid;
        for (const double value : ref::to_doubles(test.run(device.execution, epilogue)))
          EXPECT_EQ(value, 0.5);
      }
    }
  }
}

TEST_F(ImplicitGemmOnFibers, IsOneLaunchAndWaitsForNothing) {
  std::mt19937 random(7);
  for (const std::int64_t rows : {3, 90}) {
    const auto map = ref::submanifold_map(random, rows, 6, 3);
    const Case tiles(map, {16, 40, 1}, DType::float16, 5);
    const Case thin(map, {6, 6, 6}, DType::float32, 5);
    const std::int64_t waits = synchronizations();
    EXPECT_EQ(testing_cuda::launches_of([&] { tiles.run(device.execution); }),
              std::vector<std::string>{"convolve_tiles_f16_64"});
    EXPECT_EQ(testing_cuda::launches_of([&] { thin.run(device.execution); }),
              std::vector<std::string>{"convolve_thin_f32"});
    EXPECT_EQ(synchronizations(), waits);
  }
}

TEST_F(ImplicitGemmOnFibers, RowsWhoseElementsLiePastTwoToThe31) {
  // x is [2^22 + 2, 1031] of float16, 8.6 GB of which two rows are touched.
  constexpr std::int64_t kRows = (std::int64_t{1} << 22) + 2, kChannels = 1031;
  static_assert((kRows - 1) * kChannels > (std::int64_t{1} << 32));
  ref::FarMemory<Float16> x(kRows * kChannels);
  const auto last = static_cast<std::int32_t>(kRows - 1);
  for (std::int64_t c = 0; c < kChannels; ++c) {
    x[c] = Float16(1.0F);
    x[last * kChannels + c] = Float16(2.0F);
  }
  const auto map = ref::make_reference(1, kRows, 2, -1, {{0, 0, 0}, {0, last, 1}});
  for (const int groups : {1, 1031}) {
    const std::int64_t out = groups == 1 ? 16 : groups, in = kChannels / groups;
    const auto weights = ref::store(std::vector<double>(static_cast<std::size_t>(in * out), 0.5),
                                    DType::float16, {1, in, out});
    Tensor y = ref::unwritten(DType::float16, {2, out});
    const ConstTensorView view(x.data(), DType::float16, {kRows, kChannels});
    implicit_gemm_forward(device.execution, {map.map, kChannels, out, groups, {}}, view,
                          weights.tensor, {}, y);
    const auto values = ref::to_doubles(y);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(values[i], static_cast<double>(Float16(static_cast<float>(
                               static_cast<double>(in) * (i < values.size() / 2 ? 0.5 : 1.0)))))
          << i;
  }
}

TEST_F(ImplicitGemmOnFibers, WeightsThatLiePastTwoToThe31) {
  // Weights are [2050, 1024, 1024] of float16; only the last offset has a pair.
  constexpr int kOffsets = 2050;
  constexpr std::int64_t kChannels = 1024;
  ref::FarMemory<Float16> weights(kOffsets * kChannels * kChannels);
  const std::int64_t first = (kOffsets - 1) * kChannels * kChannels;
  ASSERT_GT(first, std::int64_t{1} << 31);
  for (std::int64_t i = 0; i < kChannels; ++i)
    weights[first + i * kChannels + i] = Float16(3.0F);  // three times the identity
  const auto map = ref::make_reference(kOffsets, 1, 1, -1, {{kOffsets - 1, 0, 0}});
  std::mt19937 random(8);
  const auto x = ref::random_values(random, DType::float16, {1, kChannels});
  Tensor y = ref::unwritten(DType::float16, {1, kChannels});
  const ConstTensorView view(weights.data(), DType::float16, {kOffsets, kChannels, kChannels});
  implicit_gemm_forward(device.execution, {map.map, kChannels, kChannels, 1, {}}, x.tensor, view,
                        {}, y);
  const auto values = ref::to_doubles(y);
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], static_cast<double>(Float16(3 * x.exact[i]))) << i;
}

}  // namespace
}  // namespace gavotte::internal::cuda
