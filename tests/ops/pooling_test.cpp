// Pooling over kernel maps against loops over the pairs in double.
#include "gavotte/pooling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gavotte/coordinate_manager.h"
#include "ops/pool_modes.h"
#include "ops/values.h"

namespace gavotte {
namespace {

using namespace testing_ops;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Reference {
  std::vector<Pair> pairs;
  int offsets;
  std::int64_t in_rows, out_rows, channels;

  Doubles forward(const Doubles& x, PoolMode mode) const {
    Doubles y(static_cast<std::size_t>(out_rows * channels), 0.0);
    std::vector<std::vector<std::int64_t>> inputs_of(static_cast<std::size_t>(out_rows));
    for (const Pair& pair : pairs) inputs_of[static_cast<std::size_t>(pair.out)].push_back(pair.in);
    for (std::int64_t o = 0; o < out_rows; ++o)
      for (std::int64_t c = 0; c < channels; ++c) {
        Doubles inputs;
        for (const std::int64_t in : inputs_of[static_cast<std::size_t>(o)])
          inputs.push_back(x[static_cast<std::size_t>(in * channels + c)]);
        if (!inputs.empty()) y[static_cast<std::size_t>(o * channels + c)] = reduce(inputs, mode);
      }
    return y;
  }

 private:
  double reduce(const Doubles& inputs, PoolMode mode) const {
    double sum = 0;
    double largest = -std::numeric_limits<double>::infinity();
    bool nan = false;
    for (const double value : inputs) {
      sum += value;
      nan = nan || std::isnan(value);
      largest = std::max(largest, value);
    }
    if (mode == PoolMode::max) return nan ? kNaN : largest;
    if (mode == PoolMode::average_present) return sum / static_cast<double>(inputs.size());
    return mode == PoolMode::average_volume ? sum / offsets : sum;
  }
};

Reference random_case(std::mt19937& random, int offsets, std::int64_t in_rows,
                      std::int64_t out_rows, std::int64_t channels) {
  return {random_pairs(random, offsets, in_rows, out_rows), offsets, in_rows, out_rows, channels};
}

KernelMap map_of(const Reference& reference) {
  return testing_ops::map_of(reference.pairs, reference.offsets, reference.in_rows,
                             reference.out_rows);
}

TEST(Pooling, MatchesTheReference) {
  std::mt19937 random(1);
  for (const std::int64_t channels : {1, 3, 16, 261}) {
    const Reference reference = random_case(random, 7, 90, 70, channels);
    const Doubles x = quarters(random, 90 * channels);
    for (const DType dtype : kFloatingDTypes)
      for (const PoolMode mode : kPoolModes) {
        const Tensor y = pool(tensor(dtype, {90, channels}, x), map_of(reference), mode);
        ASSERT_EQ(y.shape(), (Shape{70, channels}));
        const Doubles expected = reference.forward(x, mode);
        const Doubles given = doubles(y);
        for (std::size_t i = 0; i < expected.size(); ++i)
          ASSERT_NEAR(given[i], expected[i], 2 * rounding(dtype) * std::abs(expected[i]))
              << name(dtype) << " " << name(mode) << " C " << channels << " element " << i;
      }
  }
}

TEST(Pooling, ReadsATransposedMapForUnpooling) {
  std::mt19937 random(2);
  const Reference reference = random_case(random, 5, 40, 60, 3);
  Reference reversed = reference;
  std::swap(reversed.in_rows, reversed.out_rows);
  for (Pair& pair : reversed.pairs) std::swap(pair.in, pair.out);
  const Doubles x = quarters(random, 60 * 3);
  const Tensor y =
      pool(tensor(DType::float32, {60, 3}, x), map_of(reference).transposed(), PoolMode::sum);
  EXPECT_EQ(doubles(y), reversed.forward(x, PoolMode::sum));
}

TEST(Pooling, OutputWithoutInputIsZero) {
  const KernelMap map = testing_ops::map_of({{0, 0, 1}}, 1, 1, 3);
  const Doubles x = {-5, -std::numeric_limits<double>::infinity()};
  const Doubles expected = {0, 0, -5, x[1], 0, 0};
  for (const PoolMode mode : kPoolModes)
    EXPECT_EQ(doubles(pool(tensor(DType::float16, {1, 2}, x), map, mode)), expected) << name(mode);
}

TEST(Pooling, MaximumOfNaNIsNaN) {
  const KernelMap map = testing_ops::map_of({{0, 0, 0}, {1, 1, 0}, {2, 2, 0}}, 3, 3, 1);
  constexpr std::int64_t kChannels = 103;  // whole vectors, several at a time, and parts of one
  for (const DType dtype : kFloatingDTypes)
    for (std::size_t where = 0; where < 3; ++where) {
      const std::array values = {1.0, std::numeric_limits<double>::infinity(), -2.0};
      Doubles x;
      for (std::size_t row = 0; row < 3; ++row)
        x.insert(x.end(), kChannels, row == where ? kNaN : values[row]);
      const Tensor features = tensor(dtype, {3, kChannels}, x);
      const Tensor y = pool(features, map, PoolMode::max);
      for (const double value : doubles(y)) EXPECT_TRUE(std::isnan(value)) << name(dtype) << where;
      const Tensor gradient = pool_backward(
          features, y, tensor(dtype, {1, kChannels}, Doubles(kChannels, 3.0)), map, PoolMode::max);
      Doubles expected;
      for (std::size_t row = 0; row < 3; ++row)
        expected.insert(expected.end(), kChannels, row == where ? 3.0 : 0.0);
      EXPECT_EQ(doubles(gradient), expected);
    }
}

TEST(Pooling, MaximumOfZerosIsTheFirst) {
  const KernelMap map =
      testing_ops::map_of({{0, 0, 0}, {0, 1, 2}, {1, 1, 0}, {2, 1, 1}, {3, 0, 1}}, 4, 2, 3);
  constexpr std::int64_t kChannels = 103;
  Doubles x(kChannels, 0.0);
  x.insert(x.end(), kChannels, -0.0);
  const std::array negative = {false, true, true};
  for (const DType dtype : kFloatingDTypes) {
    const Doubles y = doubles(pool(tensor(dtype, {2, kChannels}, x), map, PoolMode::max));
    for (std::size_t i = 0; i < y.size(); ++i)
      EXPECT_EQ(std::signbit(y[i]), negative[i / kChannels]) << name(dtype) << " element " << i;
  }
}

/// What the gradient of pooling sends to each input, in the order of the offsets; y: the outputs.
Doubles backward(const Reference& reference, const Doubles& x, const Doubles& y,
                 const Doubles& grad, PoolMode mode) {
  const std::int64_t channels = reference.channels;
  std::vector<int> inputs(static_cast<std::size_t>(reference.out_rows), 0);
  for (const Pair& pair : reference.pairs) ++inputs[static_cast<std::size_t>(pair.out)];
  Doubles result(x.size(), 0.0);
  std::vector<bool> given(y.size(), false);
  for (const Pair& pair : reference.pairs) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto in = static_cast<std::size_t>(pair.in * channels + c);
      const auto out = static_cast<std::size_t>(pair.out * channels + c);
      if (mode == PoolMode::max) {
        if (x[in] != y[out] || given[out]) continue;
        given[out] = true;
        result[in] += grad[out];
      } else if (mode == PoolMode::average_present) {
        result[in] += grad[out] / inputs[static_cast<std::size_t>(pair.out)];
      } else {
        result[in] += grad[out] / (mode == PoolMode::average_volume ? reference.offsets : 1);
      }
    }
  }
  return result;
}

TEST(Pooling, GradientOfAMaximumGoesToTheFirstOfEquals) {
  std::mt19937 random(3);
  for (const std::int64_t channels : {5, 103})      // parts of vectors, and several at a time
    for (const int offsets : {6, 255, 256, 300}) {  // of which some fit into a byte
      const Reference reference = random_case(random, offsets, 50, 45, channels);
      Doubles x = quarters(random, 50 * channels);
      for (double& value : x)  // zeros of both signs are equal
        if (random() % 4 == 0) value = random() % 2 == 0 ? 0.0 : -0.0;
      const Doubles grad = quarters(random, 45 * channels);
      const Doubles y = reference.forward(x, PoolMode::max);
      const Doubles expected = backward(reference, x, y, grad, PoolMode::max);
      for (const DType dtype : kFloatingDTypes) {
        const Tensor features = tensor(dtype, {50, channels}, x);
        const KernelMap map = map_of(reference);
        const Tensor gradient =
            pool_backward(features, pool(features, map, PoolMode::max),
                          tensor(dtype, {45, channels}, grad), map, PoolMode::max);
        // Sums of many gradients are rounded to 16 bits.
        const Doubles given = doubles(gradient);
        for (std::size_t i = 0; i < expected.size(); ++i)
          ASSERT_NEAR(given[i], expected[i], 2 * rounding(dtype) * std::abs(expected[i]))
              << name(dtype) << " " << offsets << " offsets, element " << i;
      }
    }
}

// The map of a set whose rows are in no order is in the order of its keys.
TEST(Pooling, MatchesTheReferenceOnMapsOfSets) {
  std::mt19937 random(7);
  std::vector<Coordinate> all;
  for (int x = -6; x < 6; ++x)
    for (int y = -7; y < 3; ++y)
      for (int z = 0; z < 10; ++z)
        if (random() % 3 != 0) all.push_back({static_cast<std::int32_t>(random() % 2), x, y, z});
  std::shuffle(all.begin(), all.end(), random);
  const Coordinates coordinates(coordinate_tensor(all, 3), 1, StrideStyle::divided);
  CoordinateManager manager;
  for (const ConvSpec& spec : {ConvSpec::strided(2, 2), ConvSpec::strided(2, 3),
                               ConvSpec::strided(3, 2, 1), ConvSpec::submanifold(3)}) {
    const KernelMap map = manager.kernel_map(coordinates, spec).map;
    for (const std::int64_t channels : {1, 20, 75}) {
      Reference reference{{}, map.offsets(), map.in_rows(), map.out_rows(), channels};
      const auto begin = map.pair_begin().span<std::int64_t>();
      for (int k = 0; k < map.offsets(); ++k)
        for (auto i = static_cast<std::size_t>(begin[static_cast<std::size_t>(k)]);
             i < static_cast<std::size_t>(begin[static_cast<std::size_t>(k) + 1]); ++i)
          reference.pairs.push_back(
              {k, map.pair_in().span<std::int32_t>()[i], map.pair_out().span<std::int32_t>()[i]});
      const Doubles x = quarters(random, map.in_rows() * channels);
      const Doubles grad = quarters(random, map.out_rows() * channels);
      for (const DType dtype : {DType::bfloat16, DType::float32, DType::float64}) {
        for (const PoolMode mode : kPoolModes) {
          const Tensor features = tensor(dtype, {map.in_rows(), channels}, x);
          const Tensor y = pool(features, map, mode);
          const Doubles expected = reference.forward(x, mode), given = doubles(y);
          const Doubles expected_grad = backward(reference, x, expected, grad, mode);
          const Doubles given_grad = doubles(pool_backward(
              features, y, tensor(dtype, {map.out_rows(), channels}, grad), map, mode));
          // Each of up to 27 quotients is rounded, and so is their sum; no value is above 4.
          const double within =
              27 * 4 * 2 * (mode == PoolMode::sum || mode == PoolMode::max ? 0x1p-53 : 0x1p-24);
          for (std::size_t i = 0; i < expected.size(); ++i)
            ASSERT_NEAR(given[i], expected[i], 2 * rounding(dtype) * std::abs(expected[i]))
                << map.offsets() << " offsets, " << name(dtype) << " " << name(mode) << " element "
                << i;
          for (std::size_t i = 0; i < expected_grad.size(); ++i)
            ASSERT_NEAR(given_grad[i], expected_grad[i],
                        2 * rounding(dtype) * std::abs(expected_grad[i]) + within)
                << name(dtype) << " " << name(mode) << " input " << i;
        }
      }
    }
  }
}

TEST(Pooling, BackwardIsTheAdjointOfALinearMode) {
  std::mt19937 random(4);
  const Reference reference = random_case(random, 9, 80, 66, 7);
  const KernelMap map = map_of(reference);
  for (const PoolMode mode : {PoolMode::sum, PoolMode::average_present, PoolMode::average_volume}) {
    const Doubles x = normals(random, 80 * 7);
    const Doubles g = normals(random, 66 * 7);
    const Doubles y = doubles(pool(tensor(DType::float64, {80, 7}, x), map, mode));
    // What a linear mode does not read may be left out.
    const Doubles back =
        doubles(pool_backward({}, {}, tensor(DType::float64, {66, 7}, g), map, mode));
    EXPECT_NEAR(dot(y, g), dot(x, back), 1e-11) << name(mode);
  }
}

TEST(Pooling, BackwardMatchesFiniteDifferences) {
  std::mt19937 random(5);
  const Reference reference = random_case(random, 4, 9, 8, 2);
  const KernelMap map = map_of(reference);
  const Doubles x = distinct(random, 18);
  const Doubles g = normals(random, 16);
  for (const PoolMode mode : kPoolModes) {
    const Tensor features = tensor(DType::float64, {9, 2}, x);
    const Doubles gradient = doubles(pool_backward(features, pool(features, map, mode),
                                                   tensor(DType::float64, {8, 2}, g), map, mode));
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr double kStep = 1e-4;  // below half the distance of two values
      Doubles above = x, below = x;
      above[i] += kStep;
      below[i] -= kStep;
      const double slope =
          (dot(reference.forward(above, mode), g) - dot(reference.forward(below, mode), g)) /
          (2 * kStep);
      EXPECT_NEAR(gradient[i], slope, 1e-8) << name(mode) << " element " << i;
    }
  }
}

TEST(Pooling, EveryThreadCountGivesTheSameBits) {
  std::mt19937 random(6);
  const Reference reference = random_case(random, 8, 5000, 4000, 19);
  const Doubles x = normals(random, 5000 * 19);
  const Doubles g = normals(random, 4000 * 19);
  for (const DType dtype : {DType::float16, DType::float32})
    for (const PoolMode mode : kPoolModes) {
      std::vector<std::byte> forward, backward;
      for (const int threads : {1, 2, 3, 8}) {
        const Execution execution{.threads = threads};
        const KernelMap map = map_of(reference);
        const Tensor features = tensor(dtype, {5000, 19}, x);
        const Tensor y = pool(features, map, mode, execution);
        const Tensor gradient =
            pool_backward(features, y, tensor(dtype, {4000, 19}, g), map, mode, execution);
        if (threads == 1) {
          forward = bytes_of(y);
          backward = bytes_of(gradient);
        }
        EXPECT_EQ(bytes_of(y), forward) << name(mode) << " " << threads;
        EXPECT_EQ(bytes_of(gradient), backward) << name(mode) << " " << threads;
      }
    }
}

TEST(Pooling, EmptySidesAndChannels) {
  for (const PoolMode mode : kPoolModes) {
    const KernelMap no_input = testing_ops::map_of({}, 3, 0, 2);
    const Tensor none(DType::float32, {0, 4});
    const Tensor y = pool(none, no_input, mode);
    EXPECT_EQ(doubles(y), Doubles(8, 0.0));
    EXPECT_EQ(pool_backward(none, y, y, no_input, mode).shape(), (Shape{0, 4}));
    const KernelMap no_output = testing_ops::map_of({}, 3, 2, 0);
    const Tensor x = tensor(DType::float32, {2, 1}, {1, 2});
    const Tensor nothing = pool(x, no_output, mode);
    EXPECT_EQ(nothing.shape(), (Shape{0, 1}));
    EXPECT_EQ(doubles(pool_backward(x, nothing, nothing, no_output, mode)), Doubles(2, 0.0));
    EXPECT_EQ(pool(Tensor(DType::float32, {2, 0}), no_output, mode).shape(), (Shape{0, 0}));
  }
}

TEST(Pooling, OfASparseTensorFollowsTheSpec) {
  // Two voxels of one 2x2 window and one of another.
  const SparseTensor x(coordinate_tensor({{0, 0, 0}, {0, 1, 1}, {0, 2, -1}}, 2),
                       tensor(DType::float32, {3, 1}, {1, 4, 7}));
  const SparseTensor y = pool(x, ConvSpec::strided(2, 2), PoolMode::average_volume);
  EXPECT_EQ(coordinates_of(y), (std::vector<Coordinate>{{0, 0, 0}, {0, 1, -1}}));
  EXPECT_EQ(doubles(y.features()), (Doubles{1.25, 1.75}));
  EXPECT_EQ(y.stride()[0], 2);
  ConvSpec grouped = ConvSpec::strided(2, 2);
  grouped.groups = 2;
  EXPECT_NE(error_of([&] { pool(x, grouped, PoolMode::max); }).find("groups 1, got 2"),
            std::string::npos);
  ConvSpec reordered = ConvSpec::strided(2, 2);
  reordered.weight_layout = WeightLayout::oki;
  EXPECT_NE(error_of([&] { pool(x, reordered, PoolMode::max); }).find("oki"), std::string::npos);
}

TEST(Pooling, NamesWhatIsWrong) {
  const KernelMap map = testing_ops::map_of({{0, 0, 0}}, 1, 2, 1);
  const Tensor x = tensor(DType::float32, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor y = tensor(DType::float32, {1, 3}, {1, 2, 3});
  const auto before = bytes_of(x);
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << "message: " << message;
  };
  const PoolMode max = PoolMode::max;
  expect(error_of([&] { pool(y, map, max); }), "got 1");
  expect(error_of([&] { pool(x, {}, max); }), "default constructed");
  expect(error_of([&] { pool(x, map, static_cast<PoolMode>(9)); }), "9");
  expect(error_of([&] { pool(Tensor::zeros(DType::int32, {2, 3}), map, max); }), "int32");
  expect(error_of([&] { pool(Tensor::zeros(DType::float32, {2}), map, max); }), "[2]");
  expect(error_of([&] {
           pool(ConstTensorView(nullptr, DType::float32, {2, 3}), map, max);
         }),
         "null");
  expect(error_of([&] { pool(x, map, max, {.threads = -1}); }), "-1");
  expect(error_of([&] { pool(x, map, max, {.device = {DeviceKind::cuda, 0}}); }), "cuda:0");
  expect(error_of([&] { pool_backward(x, y, x, map, max); }), "got 2");
  expect(error_of([&] { pool_backward(x, {}, y, map, max); }), "output");
  expect(error_of([&] { pool_backward(y, y, y, map, max); }), "features");
  expect(error_of([&] {
           pool_backward(x, tensor(DType::float64, {1, 3}, {1, 2, 3}), y, map, max);
         }),
         "float64");
  EXPECT_EQ(bytes_of(x), before);
}

TEST(Pooling, OfTheLargestBatchIndexNeedsAsManyEntries) {
  const Coordinates last(coordinate_tensor({{2147483647, 0, 0, 0}}, 3));
  EXPECT_EQ(last.batch_size(), std::int64_t{1} << 31);
  const Tensor x = tensor(DType::float32, {1, 3}, {1, 2, 3});
  const std::string message = error_of([&] { global_pool(x, last, 1, PoolMode::max); });
  EXPECT_NE(message.find("at least the coordinates' 2147483648, got 1"), std::string::npos)
      << message;
}

TEST(Pooling, ModesHaveNames) {
  EXPECT_EQ(name(PoolMode::max), "max");
  EXPECT_EQ(name(PoolMode::sum), "sum");
  EXPECT_EQ(name(PoolMode::average_present), "average_present");
  EXPECT_EQ(name(PoolMode::average_volume), "average_volume");
}

}  // namespace
}  // namespace gavotte
