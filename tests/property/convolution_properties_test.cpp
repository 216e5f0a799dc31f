// What must hold for any input, checked on random ones: the laws that a sparse convolution obeys,
// with exact numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "gavotte/convolution.h"
#include "maps/reference_map.h"

namespace gavotte {
namespace {

using testing::Point;
using testing::points_of;

constexpr std::int64_t kIn = 3, kOut = 4;
constexpr int kTrials = 12;

struct Sample {
  ConvSpec spec;
  Tensor points, features, weights;
};

/// Values that float32 adds exactly: multiples of 1/8 below 2^4.
float small_number(std::mt19937_64& random) {
  return static_cast<float>(static_cast<int>(random() % 33) - 16) / 8.0F;
}

Sample random_sample(std::mt19937_64& random) {
  Sample sample;
  const std::vector<ConvSpec> specs = {ConvSpec::submanifold(3), ConvSpec::submanifold({3, 1, 5}),
                                       ConvSpec::strided(2, 2), ConvSpec::strided(3, 2, 1),
                                       ConvSpec::generative(2, 2)};
  sample.spec = specs[random() % specs.size()];
  sample.points = testing::random_points(random, 3, 80, -5, 10, 2);
  sample.features = Tensor(DType::float32, {sample.points.rows(), kIn});
  for (float& value : sample.features.span<float>()) value = small_number(random);
  sample.weights = Tensor(DType::float32, {sample.spec.kernel_volume(3), kIn, kOut});
  for (float& value : sample.weights.span<float>()) value = small_number(random);
  return sample;
}

/// Output rows by coordinate.
std::map<Point, std::vector<float>> run(const Sample& sample, int threads = 0,
                                        const MapConfig& config = {}) {
  const Execution execution{.threads = threads};
  const Coordinates set(sample.points.view(), 2, StrideStyle::divided, execution);
  const SparseTensor x(set, sample.features, CoordinateManager(execution, config));
  const SparseTensor y = convolution(x, sample.weights.view(), sample.spec);
  std::map<Point, std::vector<float>> rows;
  const auto points = points_of(y.coordinates());
  const auto values = y.features().span<float>();
  for (std::size_t i = 0; i < points.size(); ++i) {
    rows[points[i]] = {values.begin() + static_cast<std::ptrdiff_t>(i * kOut),
                       values.begin() + static_cast<std::ptrdiff_t>((i + 1) * kOut)};
  }
  return rows;
}

TEST(ConvolutionProperties, RowOrderDoesNotMatter) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Sample sample = random_sample(random);
    Sample shuffled = sample;
    shuffled.points = sample.points.clone();
    shuffled.features = sample.features.clone();
    std::vector<std::size_t> order(static_cast<std::size_t>(sample.points.rows()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t c = 0; c < 4; ++c)
        shuffled.points.span<std::int32_t>()[i * 4 + c] =
            sample.points.span<std::int32_t>()[order[i] * 4 + c];
      for (std::size_t c = 0; c < kIn; ++c)
        shuffled.features.span<float>()[i * kIn + c] =
            sample.features.span<float>()[order[i] * kIn + c];
    }
    EXPECT_EQ(run(sample), run(shuffled));
  }
}

TEST(ConvolutionProperties, ShiftingByTheStrideShiftsTheOutput) {
  std::mt19937_64 random(2);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Sample sample = random_sample(random);
    const bool up = sample.spec.kind == ConvKind::generative;
    const std::int32_t stride = sample.spec.stride[0];
    const std::int32_t in_shift = up ? 1000 : 1000 * stride, out_shift = up ? 1000 * stride : 1000;
    Sample shifted = sample;
    shifted.points = sample.points.clone();
    for (std::int64_t i = 0; i < sample.points.rows(); ++i) {
      for (std::int64_t c = 1; c < 4; ++c)
        shifted.points.span<std::int32_t>()[static_cast<std::size_t>(i * 4 + c)] -= in_shift;
    }
    std::map<Point, std::vector<float>> expected;
    for (const auto& [point, row] : run(sample))
      expected[{point[0], point[1] - out_shift, point[2] - out_shift, point[3] - out_shift}] = row;
    EXPECT_EQ(run(shifted), expected);
  }
}

TEST(ConvolutionProperties, BatchEntriesAreIndependent) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Sample sample = random_sample(random);
    std::map<Point, std::vector<float>> joined;
    for (const std::int32_t entry : {0, 1}) {
      std::vector<std::int32_t> points;
      std::vector<float> features;
      for (std::size_t i = 0; i < static_cast<std::size_t>(sample.points.rows()); ++i) {
        if (sample.points.span<std::int32_t>()[i * 4] != entry) continue;
        for (std::size_t c = 0; c < 4; ++c)
          points.push_back(sample.points.span<std::int32_t>()[i * 4 + c]);
        for (std::size_t c = 0; c < kIn; ++c)
          features.push_back(sample.features.span<float>()[i * kIn + c]);
      }
      Sample alone = sample;
      const auto rows = static_cast<std::int64_t>(points.size()) / 4;
      alone.points = Tensor::from<std::int32_t>(points, {rows, 4});
      alone.features = Tensor::from<float>(features, {rows, kIn});
      joined.merge(run(alone));
    }
    EXPECT_EQ(run(sample), joined);
  }
}

TEST(ConvolutionProperties, LinearInTheFeatures) {
  std::mt19937_64 random(4);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Sample a = random_sample(random);
    Sample b = a, sum = a;
    b.features = a.features.clone();
    sum.features = a.features.clone();
    for (std::size_t i = 0; i < b.features.span<float>().size(); ++i) {
      b.features.span<float>()[i] = small_number(random);
      sum.features.span<float>()[i] = a.features.span<float>()[i] + 2 * b.features.span<float>()[i];
    }
    const auto y_a = run(a), y_b = run(b), y_sum = run(sum);
    ASSERT_EQ(y_a.size(), y_sum.size());
    for (const auto& [point, row] : y_sum) {
      for (std::size_t c = 0; c < kOut; ++c)
        EXPECT_EQ(row[c], y_a.at(point)[c] + 2 * y_b.at(point)[c]);
    }
  }
}

TEST(ConvolutionProperties, SameBitsForAnyThreadsAndAnyMapConfig) {
  std::mt19937_64 random(5);
  for (int trial = 0; trial < kTrials; ++trial) {
    Sample sample = random_sample(random);
    for (float& value : sample.features.span<float>())
      value += static_cast<float>(random() % 1000) * 1e-3F;  // now sums round
    const auto expected = run(sample, 1);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(run(sample, threads), expected);
    for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal}) {
      EXPECT_EQ(run(sample, 2, {builder, false, 8, 16}), expected);
      EXPECT_EQ(run(sample, 2, {builder, true, 64, 32}), expected);
    }
  }
}

TEST(CoordinateProperties, FloorTwiceByTwoIsFloorByFour) {
  std::mt19937_64 random(6);
  ConvSpec two = ConvSpec::strided(2, 2), four = ConvSpec::strided(4, 4);
  two.rule = four.rule = CoordinateRule::floor;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Coordinates set(testing::random_points(random, 3, 200, -1000, 2000, 3).view());
    CoordinateManager manager;
    const Coordinates once = manager.output_coordinates(set, two);
    EXPECT_EQ(points_of(manager.output_coordinates(once, two)),
              points_of(manager.output_coordinates(set, four)));
  }
}

TEST(CoordinateProperties, SubmanifoldMapsAreSymmetric) {
  std::mt19937_64 random(7);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Coordinates set(testing::random_points(random, 3, 150, -4, 9).view());
    CoordinateManager manager;
    const KernelMap map = manager.kernel_map(set, ConvSpec::submanifold(3)).map;
    testing::PairSet mirrored;
    for (const auto& [k, o, i] : testing::pairs_of(map)) mirrored.emplace(26 - k, i, o);
    EXPECT_EQ(testing::pairs_of(map), mirrored);
  }
}

}  // namespace
}  // namespace gavotte
