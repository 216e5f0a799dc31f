// What convolutions of bfloat16 promise, by native products and by float32 copies alike: sums in
// float32, one rounding at the end, the same bits for every number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "cpu/convolution.h"
#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/native_kernels.h"
#include "expect.h"
#include "reference.h"
#include "simd_targets.h"

namespace gavotte::internal {
namespace {

namespace ref = gavotte::testing;
using ref::expect_close;
using ref::expect_same_bits;

ConvPlan plan_of(const ref::ReferenceMap& map, std::int64_t in, std::int64_t out, int groups,
                 bool matrix_tiles = true) {
  ConvConfig config;
  config.matrix_tiles = matrix_tiles;
  config.dataflow = Dataflow::tile_indirect;
  return {map.map, in, out, groups, config};
}

Tensor forward(const ConvPlan& plan, const ref::Values& x, const ref::Values& w, int threads = 1) {
  Tensor y(DType::bfloat16, {plan.map.out_rows(), plan.out_channels});
  cpu::convolution_forward({.threads = threads}, plan, x.tensor, w.tensor, {}, y);
  return y;
}

Tensor dgrad(const ConvPlan& plan, const ref::Values& grad_y, const ref::Values& w,
             int threads = 1) {
  Tensor grad_x(DType::bfloat16, {plan.map.in_rows(), plan.in_channels});
  cpu::convolution_dgrad({.threads = threads}, plan, grad_y.tensor, w.tensor, grad_x);
  return grad_x;
}

void expect_definition(const ref::ReferenceMap& map, std::int64_t in, std::int64_t out, int groups,
                       bool matrix_tiles = true) {
  SCOPED_TRACE(::testing::Message()
               << in << " -> " << out << ", groups " << groups << ", " << map.in_rows << " rows");
  std::mt19937 random(3);
  const auto x = ref::random_values(random, DType::bfloat16, {map.in_rows, in});
  const auto w = ref::random_values(random, DType::bfloat16, {map.offsets, in / groups, out});
  const auto grad_y = ref::random_values(random, DType::bfloat16, {map.out_rows, out});
  const ConvPlan plan = plan_of(map, in, out, groups, matrix_tiles);
  const Tensor y = forward(plan, x, w), grad_x = dgrad(plan, grad_y, w);
  expect_close(y, ref::forward(map, in, out, groups, x.exact, w.exact));
  expect_close(grad_x, ref::dgrad(map, in, out, groups, grad_y.exact, w.exact));
  for (const int threads : {2, 3, 8}) {
    expect_same_bits(forward(plan, x, w, threads), y);
    expect_same_bits(dgrad(plan, grad_y, w, threads), grad_x);
  }
}

TEST(BFloat16Convolution, EqualsTheDefinitionOnEveryTarget) {
  std::mt19937 random(1);
  const auto map = ref::submanifold_map(random, 40, 5, 3);
  const auto one_row = ref::submanifold_map(random, 1, 3, 3);
  const auto strided = ref::strided_map(random, 60, 12, 6, 2);
  test::for_each_target([&] {
    for (const std::int64_t channels : {1, 3, 4, 5, 16, 17, 32, 64, 100}) {
      expect_definition(map, channels, channels, 1);
      expect_definition(strided, channels, 21, 1);
    }
    expect_definition(strided, 256, 256, 1);
    expect_definition(one_row, 17, 9, 1);
    // Groups of odd and of even width: a group's last channel lies before the next one's first.
    expect_definition(map, 15, 10, 5);
    expect_definition(map, 34, 6, 2);
    expect_definition(map, 64, 32, 4);
    // Few columns, up to as many channels as are converted for them, and beyond; in groups.
    for (const std::int64_t channels : {4, 32, 64, 68}) {
      expect_definition(map, channels, 4, 1);
      expect_definition(strided, channels, 8, 1);
    }
    expect_definition(map, 32, 8, 2);
  });
}

TEST(BFloat16Convolution, EqualsTheDefinitionWithAndWithoutMatrixTiles) {
  std::mt19937 random(4);
  const auto map = ref::submanifold_map(random, 700, 14, 3);
  const auto strided = ref::strided_map(random, 60, 12, 6, 2);
  for (const bool matrix_tiles : {true, false}) {
    for (const std::int64_t channels : {16, 32, 33, 64, 100})
      expect_definition(strided, channels, channels, 1, matrix_tiles);
    expect_definition(map, 64, 48, 1, matrix_tiles);
    expect_definition(strided, 128, 64, 2, matrix_tiles);
  }
}

// One offset that pairs each row with itself: whole tiles of rows and a rest, packed weights or not.
TEST(BFloat16Convolution, EqualsTheDefinitionOfPointwiseLayers) {
  std::mt19937 random(6);
  const auto map = ref::submanifold_map(random, 700, 14, 1);
  ASSERT_TRUE(map.map.is_identity());
  for (const bool matrix_tiles : {true, false}) {
    expect_definition(map, 64, 48, 1, matrix_tiles);
    expect_definition(map, 33, 20, 1, matrix_tiles);
    expect_definition(map, 64, 96, 2, matrix_tiles);
    const auto x = ref::random_values(random, DType::bfloat16, {map.in_rows, 64});
    const auto w = ref::random_values(random, DType::bfloat16, {1, 64, 48});
    ConvPlan plan = plan_of(map, 64, 48, 1, matrix_tiles);
    plan.config.dataflow = Dataflow::automatic;
    const Tensor y = forward(plan, x, w);
    expect_close(y, ref::forward(map, 64, 48, 1, x.exact, w.exact));
    const auto packed = cpu::pack_weights({.threads = 1}, plan, w.tensor);
    plan.packed = packed.get();
    for (const int threads : {1, 2, 3, 8}) expect_same_bits(forward(plan, x, w, threads), y);
    plan.config.dataflow = Dataflow::dense_gemm;
    expect_same_bits(forward(plan, x, w), y);
  }
}

// Kept weights serve both.
TEST(BFloat16Convolution, TakesWeightsThatWerePackedForAnotherConfig) {
  std::mt19937 random(5);
  const auto map = ref::submanifold_map(random, 300, 10, 3);
  const auto x = ref::random_values(random, DType::bfloat16, {map.in_rows, 64});
  const auto w = ref::random_values(random, DType::bfloat16, {map.offsets, 64, 48});
  for (const bool packed_for_tiles : {true, false}) {
    const ConvPlan like = plan_of(map, 64, 48, 1, packed_for_tiles);
    const auto packed = cpu::pack_weights({.threads = 1}, like, w.tensor);
    ConvPlan plan = plan_of(map, 64, 48, 1, !packed_for_tiles);
    const Tensor y = forward(plan, x, w);
    plan.packed = packed.get();
    expect_same_bits(forward(plan, x, w), y);
  }
}

TEST(BFloat16Convolution, OfNothingIsNothing) {
  test::for_each_target([] {
    expect_definition(ref::make_reference(27, 0, 0, 13, {}), 3, 4, 1);
    expect_definition(ref::make_reference(27, 5, 3, -1, {}), 3, 4, 1);
    expect_definition(ref::make_reference(27, 5, 0, -1, {}), 3, 4, 1);
  });
}

TEST(BFloat16Convolution, SpecialValuesReachOnlyTheirOwnOutputs) {
  std::mt19937 random(2);
  const auto map = ref::submanifold_map(random, 60, 6, 3);
  for (const double special :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    for (const std::int64_t in : {3, 4}) {
      auto x = ref::random_values(random, DType::bfloat16, {60, in});
      const auto w = ref::random_values(random, DType::bfloat16, {27, in, 5});
      for (std::int64_t i = 0; i < in; ++i)
        x.tensor.span<BFloat16>()[static_cast<std::size_t>(7 * in + i)] = BFloat16(special);
      std::vector<bool> reached(60, false);
      for (const ref::Pair& pair : map.pairs)
        if (pair.in == 7) reached[static_cast<std::size_t>(pair.out)] = true;
      test::for_each_target([&] {
        const auto y = ref::to_doubles(forward(plan_of(map, in, 5, 1), x, w));
        for (std::size_t i = 0; i < y.size(); ++i)
          ASSERT_EQ(!std::isfinite(y[i]), reached[i / 5]) << "element " << i;
      });
    }
  }
}

// Elsewhere 16-bit features are multiplied as float32.
TEST(BFloat16Convolution, NativeProductsAreThoseOfTheirTarget) {
  test::for_each_target([] {
    const bool native =
        (hwy::SupportedTargets() & HWY_AVX3) != 0 && cpu::bfloat16_kernels() != nullptr;
    const DType expected = native ? DType::bfloat16 : DType::float32;
    EXPECT_EQ(cpu::product_dtype(DType::bfloat16, 16, 16), expected);
    EXPECT_EQ(cpu::product_dtype(DType::bfloat16, 128, 8), expected);
    EXPECT_EQ(cpu::product_dtype(DType::bfloat16, 16, 4), DType::float32);
    EXPECT_EQ(cpu::product_dtype(DType::float16, 64, 64), DType::float32);
    EXPECT_EQ(cpu::product_dtype(DType::float32, 64, 64), DType::float32);
    EXPECT_EQ(cpu::product_dtype(DType::float64, 16, 4), DType::float64);
  });
}

}  // namespace
}  // namespace gavotte::internal
