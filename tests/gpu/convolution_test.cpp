// Every dataflow in every dtype, forward and both gradients, against the definition in double.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "convolution_cases.h"
#include "gavotte/error.h"

namespace gavotte::testing_gpu {
namespace {

class Convolutions : public OnGpu {};

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.view().bytes() == b.view().bytes() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.view().bytes())) == 0;
}

ConvConfig of(Dataflow dataflow) {
  ConvConfig config;
  config.dataflow = dataflow;
  return config;
}

/// Forward and both gradients of layers of all kinds: packed and not, grouped, depthwise, one channel.
void expect_the_definition(const ref::ReferenceMap& map, const ConvConfig& config) {
  for (const DType dtype : kDTypes) {
    for (const auto& [in, out, groups] :
         {std::tuple{16, 24, 1}, std::tuple{64, 40, 1}, std::tuple{5, 7, 1}, std::tuple{1, 1, 1},
          std::tuple{8, 8, 8}, std::tuple{6, 12, 6}, std::tuple{12, 8, 4}}) {
      SCOPED_TRACE(std::to_string(in) + " -> " + std::to_string(out) + ", groups " +
                   std::to_string(groups) + ", " + std::string(name(dtype)));
      const Case test(map, in, out, groups, dtype, 2);
      expect_close(test.forward(config),
                   ref::forward(test.map, in, out, groups, test.x.exact, test.w.exact));
      expect_close(test.dgrad(config),
                   ref::dgrad(test.map, in, out, groups, test.grad_y.exact, test.w.exact));
      expect_close(test.wgrad(config),
                   ref::wgrad(test.map, in, out, groups, test.x.exact, test.grad_y.exact));
      if (::testing::Test::HasFailure()) return;
    }
  }
}

class Dataflows : public OnGpu, public ::testing::WithParamInterface<Dataflow> {};

TEST_P(Dataflows, GiveTheDefinitionOnOneSet) {
  std::mt19937 random(1);
  expect_the_definition(ref::submanifold_map(random, 150, 7, 3), of(GetParam()));
}

TEST_P(Dataflows, GiveTheDefinitionBetweenTwoSets) {
  std::mt19937 random(1);
  expect_the_definition(ref::strided_map(random, 200, 40, 8, 3), of(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Convolutions, Dataflows,
                         ::testing::Values(Dataflow::automatic, Dataflow::gather_gemm_scatter,
                                           Dataflow::implicit_gemm),
                         [](const auto& info) { return std::string(name(info.param)); });

/// Narrower tiles of a GEMM than the channels ask for; the same bits, since each column is a sum of its own.
TEST_F(Convolutions, EveryWidthOfTilesGivesTheSameBits) {
  std::mt19937 random(7);
  const auto map = ref::submanifold_map(random, 150, 7, 3);
  for (const DType dtype : kDTypes) {
    const Case test(map, 20, 130, 1, dtype, 2);
    const auto expected = ref::forward(test.map, 20, 130, 1, test.x.exact, test.w.exact);
    for (const Dataflow dataflow : {Dataflow::gather_gemm_scatter, Dataflow::implicit_gemm}) {
      ConvConfig config = of(dataflow);
      const Tensor widest = test.forward(config).to(Device::cpu());
      for (const std::int32_t columns : {16, 32, 64, 128}) {
        config.gemm_columns = columns;
        const Tensor y = test.forward(config);
        expect_close(y, expected);
        EXPECT_TRUE(same_bits(y.to(Device::cpu()), widest)) << config.to_string();
      }
    }
  }
}

TEST_F(Convolutions, MinuetGivesTheDefinition) {
  std::mt19937 random(1);
  const auto map = ref::submanifold_map(random, 150, 7, 3);
  try {
    Case(map, 4, 4, 1, DType::float32, 2).forward(of(Dataflow::minuet));
  } catch (const Error& error) {
    if (std::string(error.what()).find("cuBLAS, which does not load") == std::string::npos) throw;
    GTEST_SKIP() << error.what();
  }
  expect_the_definition(map, of(Dataflow::minuet));
}

/// One offset that pairs each row with itself.
TEST_F(Convolutions, DenseGivesTheDefinition) {
  std::vector<ref::Pair> pairs;
  for (std::int32_t row = 0; row < 70; ++row) pairs.push_back({0, row, row});
  expect_the_definition(ref::make_reference(1, 70, 70, 0, pairs), of(Dataflow::dense_gemm));
}

TEST_F(Convolutions, Tf32RoundsFactorsOnlyWhereItIsAllowed) {
  std::mt19937 random(3);
  const Case test(ref::submanifold_map(random, 150, 7, 3), 20, 24, 1, DType::float32, 4);
  const auto expected = ref::forward(test.map, 20, 24, 1, test.x.exact, test.w.exact);
  ConvConfig config;
  config.allow_tf32 = true;
  // Each factor is off by 2^-11 of itself at most.
  expect_close(test.forward(config), expected, 0x1p-10 + 0x1p-22);
  expect_close(test.forward(), expected);
  EXPECT_FALSE(same_bits(test.forward(config).to(Device::cpu()), test.forward().to(Device::cpu())));
  const Case doubles(test.map, 20, 24, 1, DType::float64, 4);
  EXPECT_TRUE(
      same_bits(doubles.forward(config).to(Device::cpu()), doubles.forward().to(Device::cpu())));
}

TEST_F(Convolutions, EmptyAndTinySizes) {
  for (const DType dtype : kDTypes) {
    const auto check = [&](const ref::ReferenceMap& map, std::int64_t in, std::int64_t out) {
      const Case test(map, in, out, 1, dtype, 8);
      expect_close(test.forward(), ref::forward(map, in, out, 1, test.x.exact, test.w.exact));
      expect_close(test.dgrad(), ref::dgrad(map, in, out, 1, test.grad_y.exact, test.w.exact));
      expect_close(test.wgrad(), ref::wgrad(map, in, out, 1, test.x.exact, test.grad_y.exact));
    };
    check(ref::make_reference(27, 0, 0, 13, {}), 3, 4);
    check(ref::make_reference(27, 5, 3, -1, {}), 3, 4);
    check(ref::make_reference(27, 1, 1, 13, {{13, 0, 0}}), 1, 1);
    check(ref::make_reference(1, 4, 4, -1, {{0, 3, 0}}), 1, 3);
    check(ref::make_reference(3, 4, 4, -1, {{2, 3, 0}}), 0, 3);
    check(ref::make_reference(3, 4, 4, -1, {{2, 3, 0}}), 3, 0);
  }
}

}  // namespace
}  // namespace gavotte::testing_gpu
