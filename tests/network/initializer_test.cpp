// Seeded weights: known bits, range, independence of the order of layers.
#include "network/initializer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "network/small_network.h"

namespace gavotte {
namespace {

TEST(Initializer, DrawsTheBitsOfSplitMix64) {
  // The first outputs of the reference SplitMix64 for seed 0.
  EXPECT_EQ(internal::random_bits(0, 0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(internal::random_bits(0, 1), 0x6e789e6aa1b965f4ULL);
}

TEST(Initializer, UniformFillsItsRange) {
  const Tensor tensor = internal::uniform(Shape{10000}, -0.5, 1.5, 7);
  const auto values = tensor.span<float>();
  double sum = 0, squares = 0;
  for (float v : values) {
    ASSERT_GE(v, -0.5F);
    ASSERT_LE(v, 1.5F);
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  const double mean = sum / 10000;
  EXPECT_NEAR(mean, 0.5, 0.03);  // 5 standard errors
  EXPECT_NEAR(squares / 10000 - mean * mean, 4.0 / 12, 0.02);
}

TEST(Initializer, BoundIsTorchs) {
  const Network network = test::small_network();
  const double bound = 1 / std::sqrt(27.0 * 3);
  float largest = 0;
  for (float v : network.parameter("stem.weight").span<float>())
    largest = std::max(largest, std::abs(v));
  EXPECT_LE(largest, static_cast<float>(bound));
  EXPECT_GT(largest, static_cast<float>(0.95 * bound));
}

TEST(Initializer, SeedsAndNamesDecideAlone) {
  const auto weights = [](const Network& network) {
    const auto values = network.parameter("stem.weight").span<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_EQ(weights(test::small_network(3)), weights(test::small_network(3)));
  EXPECT_NE(weights(test::small_network(3)), weights(test::small_network(4)));
  NetworkBuilder other(3, 3);
  other.convolution("stem", other.linear("before", other.input(1), 3), 6, ConvSpec::submanifold(3));
  EXPECT_EQ(weights(other.build("stem")), weights(test::small_network(3)));
}

}  // namespace
}  // namespace gavotte
