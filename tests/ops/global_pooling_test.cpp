// Pooling over batch entries against loops over the rows in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gavotte/pooling.h"
#include "ops/values.h"

namespace gavotte {
namespace {

using namespace testing_ops;

constexpr std::array kModes = {PoolMode::max, PoolMode::sum, PoolMode::average_present};

struct Case {
  std::vector<Coordinate> coordinates;
  Coordinates set;
  std::int64_t channels;

  std::int64_t rows() const { return static_cast<std::int64_t>(coordinates.size()); }

  Doubles forward(const Doubles& x, std::int64_t batch_size, PoolMode mode) const {
    Doubles y;
    for (std::int64_t entry = 0; entry < batch_size; ++entry)
      for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0, largest = -std::numeric_limits<double>::infinity();
        std::int64_t count = 0;
        for (std::size_t row = 0; row < coordinates.size(); ++row) {
          if (coordinates[row][0] != entry) continue;
          const double value =
              x[row * static_cast<std::size_t>(channels) + static_cast<std::size_t>(c)];
          sum += value;
          largest = std::max(largest, value);
          ++count;
        }
        if (mode == PoolMode::average_present)
          sum /= static_cast<double>(std::max<std::int64_t>(count, 1));
        y.push_back(count == 0 ? 0 : mode == PoolMode::max ? largest : sum);
      }
    return y;
  }
};

// Batch entries 0, 1 and 3: entry 2 is empty.
Case make_case(std::mt19937& random, std::int64_t rows, std::int64_t channels) {
  Case result;
  result.channels = channels;
  result.coordinates = random_coordinates(random, rows, 3, 20, 3);
  for (Coordinate& coordinate : result.coordinates)
    if (coordinate[0] == 2) coordinate[0] = 3;
  result.set = Coordinates(coordinate_tensor(result.coordinates, 3));
  return result;
}

TEST(GlobalPooling, MatchesTheReference) {
  std::mt19937 random(1);
  for (const std::int64_t channels : {1, 5, 32}) {
    const Case given = make_case(random, 120, channels);
    const Doubles x = quarters(random, 120 * channels);
    for (const DType dtype : kFloatingDTypes)
      for (const PoolMode mode : kModes) {
        const Tensor y = global_pool(tensor(dtype, {120, channels}, x), given.set, 5, mode);
        ASSERT_EQ(y.shape(), (Shape{5, channels}));
        const Doubles expected = given.forward(x, 5, mode);
        const Doubles values = doubles(y);
        for (std::size_t i = 0; i < expected.size(); ++i)
          ASSERT_NEAR(values[i], expected[i], 2 * rounding(dtype) * std::abs(expected[i]))
              << name(dtype) << " " << name(mode) << " element " << i;
      }
  }
}

TEST(GlobalPooling, BackwardMatchesFiniteDifferences) {
  std::mt19937 random(2);
  const Case given = make_case(random, 30, 3);
  const Doubles x = distinct(random, 90);
  const Doubles g = normals(random, 4 * 3);
  for (const PoolMode mode : kModes) {
    const Tensor features = tensor(DType::float64, {30, 3}, x);
    const Tensor y = global_pool(features, given.set, 4, mode);
    const Doubles gradient = doubles(
        global_pool_backward(features, y, tensor(DType::float64, {4, 3}, g), given.set, mode));
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr double kStep = 1e-4;
      Doubles above = x, below = x;
      above[i] += kStep;
      below[i] -= kStep;
      const double slope =
          (dot(given.forward(above, 4, mode), g) - dot(given.forward(below, 4, mode), g)) /
          (2 * kStep);
      EXPECT_NEAR(gradient[i], slope, 1e-8) << name(mode) << " element " << i;
    }
  }
}

TEST(GlobalPooling, BackwardIsTheAdjointOfALinearMode) {
  std::mt19937 random(3);
  const Case given = make_case(random, 3000, 4);
  for (const PoolMode mode : {PoolMode::sum, PoolMode::average_present}) {
    const Doubles x = normals(random, 3000 * 4);
    const Doubles g = normals(random, 4 * 4);
    const Doubles y =
        doubles(global_pool(tensor(DType::float64, {3000, 4}, x), given.set, 4, mode));
    const Doubles back =
        doubles(global_pool_backward({}, {}, tensor(DType::float64, {4, 4}, g), given.set, mode));
    EXPECT_NEAR(dot(y, g), dot(x, back), 1e-9) << name(mode);
  }
}

TEST(GlobalPooling, GradientOfAMaximumGoesToTheFirstInKeyOrder) {
  // Rows 0 and 2 tie; row 2's coordinate is the smaller. Rows 1 and 3 are another entry, one NaN.
  const Coordinates set(coordinate_tensor({{0, 5}, {1, 0}, {0, -5}, {1, 1}}, 1));
  const Tensor x =
      tensor(DType::bfloat16, {4, 1}, {2, 1, 2, std::numeric_limits<double>::quiet_NaN()});
  const Tensor y = global_pool(x, set, 2, PoolMode::max);
  EXPECT_EQ(doubles(y)[0], 2);
  EXPECT_TRUE(std::isnan(doubles(y)[1]));
  const Tensor gradient =
      global_pool_backward(x, y, tensor(DType::bfloat16, {2, 1}, {3, 4}), set, PoolMode::max);
  EXPECT_EQ(doubles(gradient), (Doubles{0, 0, 3, 4}));
}

TEST(GlobalPooling, ThreadsAndRowOrderDoNotChangeABit) {
  std::mt19937 random(4);
  const Case given = make_case(random, 9000, 7);
  const Doubles x = normals(random, 9000 * 7);
  const Doubles g = normals(random, 4 * 7);
  std::vector<std::size_t> order(9000);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  std::vector<Coordinate> shuffled;
  Doubles shuffled_x;
  for (const std::size_t row : order) {
    shuffled.push_back(given.coordinates[row]);
    shuffled_x.insert(shuffled_x.end(), x.begin() + static_cast<std::ptrdiff_t>(row * 7),
                      x.begin() + static_cast<std::ptrdiff_t>(row * 7 + 7));
  }
  const Coordinates shuffled_set(coordinate_tensor(shuffled, 3));
  for (const PoolMode mode : kModes) {
    const Tensor features = tensor(DType::float32, {9000, 7}, x);
    const Tensor grad = tensor(DType::float32, {4, 7}, g);
    const Tensor y = global_pool(features, given.set, 4, mode, {.threads = 1});
    const Tensor gradient =
        global_pool_backward(features, y, grad, given.set, mode, {.threads = 1});
    for (const int threads : {2, 3, 8}) {
      const Execution execution{.threads = threads};
      EXPECT_EQ(bytes_of(global_pool(features, given.set, 4, mode, execution)), bytes_of(y));
      EXPECT_EQ(bytes_of(global_pool_backward(features, y, grad, given.set, mode, execution)),
                bytes_of(gradient));
    }
    const Tensor other =
        global_pool(tensor(DType::float32, {9000, 7}, shuffled_x), shuffled_set, 4, mode);
    EXPECT_EQ(bytes_of(other), bytes_of(y)) << name(mode);
  }
}

TEST(GlobalPooling, EmptySet) {
  const Coordinates set(Tensor(DType::int32, {0, 4}));
  const Tensor none(DType::float32, {0, 2});
  const Tensor y = global_pool(none, set, 3, PoolMode::max);
  EXPECT_EQ(doubles(y), Doubles(6, 0.0));
  EXPECT_EQ(global_pool_backward(none, y, y, set, PoolMode::max).shape(), (Shape{0, 2}));
  EXPECT_EQ(global_pool(none, set, 0, PoolMode::sum).shape(), (Shape{0, 2}));
}

TEST(GlobalPooling, NamesWhatIsWrong) {
  const Coordinates set(coordinate_tensor({{0, 0}, {4, 0}}, 1));
  const Tensor x = tensor(DType::float32, {2, 1}, {1, 2});
  const auto before = bytes_of(x);
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << "message: " << message;
  };
  expect(error_of([&] { global_pool(x, set, 4, PoolMode::max); }),
         "at least the coordinates' 5, got 4");
  expect(error_of([&] { global_pool(x, set, 5, PoolMode::average_volume); }), "average_volume");
  expect(error_of([&] { global_pool(x, {}, 5, PoolMode::max); }), "default constructed");
  expect(error_of([&] {
           global_pool(Tensor::zeros(DType::float32, {3, 1}), set, 5, PoolMode::max);
         }),
         "[3, 1]");
  expect(error_of([&] { global_pool_backward(x, x, x, set, PoolMode::max); }), "got 2");
  EXPECT_EQ(bytes_of(x), before);
}

}  // namespace
}  // namespace gavotte
