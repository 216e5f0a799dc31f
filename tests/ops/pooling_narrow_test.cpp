// Poolings of narrow rows, which the CPU's outputs receive pair by pair: bit for bit those of the same columns of wide rows,
// which it makes from lists, and past the caches where results are large.
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "gavotte/coordinate_manager.h"
#include "gavotte/pooling.h"
#include "ops/pool_modes.h"
#include "ops/values.h"

namespace gavotte {
namespace {

using namespace testing_ops;

constexpr std::int64_t kWide = 72;  // more than a line of the cache in every dtype

/// The first columns of rows of kWide.
Doubles columns(const Doubles& wide, std::int64_t channels) {
  Doubles result;
  for (std::size_t row = 0; row < wide.size(); row += kWide)
    result.insert(result.end(), wide.begin() + static_cast<std::ptrdiff_t>(row),
                  wide.begin() + static_cast<std::ptrdiff_t>(row) + channels);
  return result;
}

std::vector<std::byte> columns(const ConstTensorView& wide, std::int64_t channels) {
  const std::int64_t size = size_bytes(wide.dtype);
  const auto* const first = static_cast<const std::byte*>(wide.data);
  std::vector<std::byte> result;
  for (std::int64_t row = 0; row < wide.rows(); ++row)
    result.insert(result.end(), first + row * kWide * size,
                  first + (row * kWide + channels) * size);
  return result;
}

/// Values with rounding errors, zeros of both signs, infinities and NaN.
Doubles features(std::mt19937& random, std::int64_t rows) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Doubles result = normals(random, rows * kWide);
  for (std::size_t i = 0; i < result.size(); i += 5) result[i] = i % 2 == 0 ? 0.0 : -0.0;
  for (std::size_t i = 0; i < result.size(); i += 17) result[i] = i % 2 == 0 ? -kInfinity : 1.0;
  for (std::size_t i = 0; i < result.size(); i += 31)
    result[i] = std::numeric_limits<double>::quiet_NaN();
  return result;
}

// Both sides of a map in any order, and rows without inputs.
TEST(PoolingNarrow, IsThatOfWideRows) {
  std::mt19937 random(12);
  const Coordinates coordinates(coordinate_tensor(random_coordinates(random, 2200, 3, 9, 2), 3), 1,
                                StrideStyle::divided);
  CoordinateManager manager;
  std::vector<KernelMap> maps;
  for (const ConvSpec& spec : {ConvSpec::strided(2, 2), ConvSpec::strided(3, 2, 1)}) {
    maps.push_back(manager.kernel_map(coordinates, spec).map);
    maps.push_back(maps.back().transposed());
  }
  maps.push_back(map_of(random_pairs(random, 9, 80, 1100), 9, 80, 1100));
  for (const KernelMap& map : maps) {
    const Doubles x = features(random, map.in_rows()), grad = features(random, map.out_rows());
    for (const DType dtype : kFloatingDTypes) {
      const Tensor wide = tensor(dtype, {map.in_rows(), kWide}, x);
      const Tensor wide_grad = tensor(dtype, {map.out_rows(), kWide}, grad);
      std::map<PoolMode, Tensor> y, grad_x;
      for (const PoolMode mode : kPoolModes) {
        y[mode] = pool(wide, map, mode);
        grad_x[mode] = pool_backward(wide, y[mode], wide_grad, map, mode);
      }
      for (const std::int64_t channels : {1, 3, 8, 16, 24, 31, 32}) {
        const Tensor narrow = tensor(dtype, {map.in_rows(), channels}, columns(x, channels));
        const Tensor narrow_grad =
            tensor(dtype, {map.out_rows(), channels}, columns(grad, channels));
        for (const PoolMode mode : kPoolModes) {
          const auto forward = columns(y[mode], channels),
                     backward = columns(grad_x[mode], channels);
          for (const int threads : {1, 3}) {
            const Execution execution{.threads = threads};
            const Tensor given = pool(narrow, map, mode, execution);
            ASSERT_EQ(bytes_of(given), forward)
                << name(dtype) << " " << name(mode) << " C " << channels << " of " << map.in_rows();
            ASSERT_EQ(bytes_of(pool_backward(narrow, given, narrow_grad, map, mode, execution)),
                      backward)
                << name(dtype) << " " << name(mode) << " C " << channels << " of " << map.in_rows();
          }
        }
      }
    }
  }
}

TEST(PoolingNarrow, OfLargeResultsMatchesTheReference) {
  std::mt19937 random(13);
  constexpr std::int64_t kInputs = 100'000, kOutputs = 270'000, kRowBytes = 64;
  static_assert(kOutputs * kRowBytes > 16 << 20);
  const std::vector<Pair> pairs = random_pairs(random, 3, kInputs, kOutputs);
  const KernelMap map = map_of(pairs, 3, kInputs, kOutputs);
  for (const DType dtype : {DType::float32, DType::bfloat16}) {
    const std::int64_t channels = kRowBytes / size_bytes(dtype);
    const Doubles x = quarters(random, kInputs * channels);
    Doubles sums(static_cast<std::size_t>(kOutputs * channels), 0.0);
    Doubles largest(sums.size(), -5.0);  // less than every value
    for (const Pair& pair : pairs)
      for (std::int64_t c = 0; c < channels; ++c) {
        const double value = x[static_cast<std::size_t>(pair.in * channels + c)];
        const auto at = static_cast<std::size_t>(pair.out * channels + c);
        sums[at] += value;
        largest[at] = std::max(largest[at], value);
      }
    std::replace(largest.begin(), largest.end(), -5.0, 0.0);
    const Tensor narrow = tensor(dtype, {kInputs, channels}, x);
    for (const int threads : {1, 3}) {
      const Execution execution{.threads = threads};
      EXPECT_EQ(doubles(pool(narrow, map, PoolMode::sum, execution)), sums) << name(dtype);
      EXPECT_EQ(doubles(pool(narrow, map, PoolMode::max, execution)), largest) << name(dtype);
    }
  }
}

}  // namespace
}  // namespace gavotte
