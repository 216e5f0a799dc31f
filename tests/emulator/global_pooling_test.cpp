// Global pooling kernels against the CPU's: maxima and gradients bit for bit, sums within the
// rounding of another order.
#include "cuda/global_pooling.h"

#include <gtest/gtest.h>

#include "cpu/global_pooling.h"
#include "cuda/memory.h"
#include "cuda_cases.h"

namespace gavotte::internal {
namespace {

using namespace testing_cuda;

constexpr std::array kModes = {PoolMode::max, PoolMode::sum, PoolMode::average_present};

/// Rows on a line for each batch entry, in random order where `shuffled`.
Coordinates line_set(std::mt19937& random, const std::vector<int>& rows_of_entry, bool shuffled) {
  std::vector<Coordinate> rows;
  for (int entry = 0; entry < static_cast<int>(rows_of_entry.size()); ++entry)
    for (int i = 0; i < rows_of_entry[static_cast<std::size_t>(entry)]; ++i)
      rows.push_back({entry, i - 3});
  if (shuffled) std::shuffle(rows.begin(), rows.end(), random);
  return Coordinates(coordinate_tensor(rows, 1));
}

/// Finite values, compared with a tolerance; else with all that floating point has, and bit for bit.
void expect_sums(const Coordinates& set, std::int64_t entries, DType dtype, std::int64_t channels,
                 std::mt19937& random) {
  const Tensor x = tensor(dtype, {set.rows(), channels}, normals(random, set.rows() * channels));
  for (const PoolMode mode : {PoolMode::sum, PoolMode::average_present}) {
    Tensor expected(dtype, {entries, channels}), given(dtype, {entries, channels});
    cpu::global_pool_forward({}, *set.data(), mode, x, expected);
    cuda::global_pool_forward({}, *set.data(), mode, x, given);
    const Doubles a = doubles(given), b = doubles(expected);
    const double terms = static_cast<double>(set.rows());
    const double unit = dtype == DType::float64 ? 0x1p-53 : 0x1p-24;
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(a[i], b[i], 2 * rounding(dtype) * std::abs(b[i]) + 8 * terms * unit)
          << name(mode) << " " << name(dtype);
  }
}

void expect_bits(const Coordinates& set, std::int64_t entries, DType dtype, std::int64_t channels,
                 std::mt19937& random) {
  Tensor x = special(random, dtype, {set.rows(), channels});
  if (random() % 2 == 0)  // many ties
    x = tensor(dtype, x.shape(), quarters(random, set.rows() * channels));
  const Tensor grad_y = special(random, dtype, {entries, channels});
  Tensor y(dtype, {entries, channels}), given(dtype, {entries, channels});
  cpu::global_pool_forward({}, *set.data(), PoolMode::max, x, y);
  cuda::global_pool_forward({}, *set.data(), PoolMode::max, x, given);
  expect_same(given, y);
  for (const PoolMode mode : kModes) {
    Tensor expected(dtype, x.shape()), gradient(dtype, x.shape());
    cpu::global_pool_backward({}, *set.data(), mode, x, y, grad_y, expected);
    cuda::global_pool_backward({}, *set.data(), mode, x, y, grad_y, gradient);
    expect_same(gradient, expected);
  }
}

TEST(CudaGlobalPooling, IsTheCpus) {
  std::mt19937 random(1);
  const std::vector<std::vector<int>> cases = {{1},         {0, 1, 0, 3}, {511, 512, 513, 0},
                                               {0, 0, 600}, {1500, 1, 5}, {}};
  for (const auto& rows_of_entry : cases)
    for (const bool shuffled : {false, true}) {
      const Coordinates set = line_set(random, rows_of_entry, shuffled);
      const auto entries = static_cast<std::int64_t>(rows_of_entry.size()) + 2;  // two are empty
      for (const DType dtype : kFloatingDTypes)
        for (const std::int64_t channels : {1, 3, 8, 36}) {
          if (dtype != DType::float32 && channels != 3) continue;  // for the emulator's time
          expect_sums(set, entries, dtype, channels, random);
          expect_bits(set, entries, dtype, channels, random);
          if (HasFailure()) return;
        }
    }
}

TEST(CudaGlobalPooling, MoreChannelsThanABlockTakesAtOnce) {
  std::mt19937 random(2);
  const Coordinates set = line_set(random, {5, 0, 520}, true);
  for (const std::int64_t channels : {1100, 517}) {
    expect_sums(set, 3, DType::float32, channels, random);
    expect_bits(set, 3, DType::float32, channels, random);
  }
}

TEST(CudaGlobalPooling, LaunchesDoNotDependOnTheRows) {
  std::mt19937 random(3);
  for (const PoolMode mode : kModes) {
    std::vector<std::string> first;
    for (const int rows : {0, 10, 2000}) {
      const Coordinates set = line_set(random, {rows / 2, rows - rows / 2}, true);
      const Tensor x = special(random, DType::float16, {rows, 8});
      Tensor y(DType::float16, {2, 8}), grad_x(DType::float16, {rows, 8});
      const std::int64_t waits = cuda::synchronizations();
      const auto names = launches_of([&] {
        cuda::global_pool_forward({}, *set.data(), mode, x, y);
        if (rows > 0) cuda::global_pool_backward({}, *set.data(), mode, x, y, y, grad_x);
      });
      EXPECT_EQ(cuda::synchronizations(), waits);
      if (rows == 0) continue;
      if (first.empty()) first = names;
      EXPECT_EQ(names, first);
    }
  }
}

TEST(CudaGlobalPooling, RowOrderDoesNotChangeABit) {
  std::mt19937 random(4);
  std::vector<Coordinate> rows;
  for (int i = 0; i < 1300; ++i) rows.push_back({i % 3, i});
  const Doubles values = normals(random, 1300 * 5);
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::byte> first;
  for (int round = 0; round < 3; ++round) {
    std::vector<Coordinate> own;
    Doubles x;
    for (const std::size_t row : order) {
      own.push_back(rows[row]);
      const auto from = values.begin() + static_cast<std::ptrdiff_t>(row * 5);
      x.insert(x.end(), from, from + 5);
    }
    const Coordinates set(coordinate_tensor(own, 1));
    Tensor y(DType::float32, {3, 5});
    cuda::global_pool_forward({}, *set.data(), PoolMode::sum, tensor(DType::float32, {1300, 5}, x),
                              y);
    if (first.empty()) first = bytes_of(y);
    EXPECT_EQ(bytes_of(y), first);
    std::shuffle(order.begin(), order.end(), random);
  }
}

}  // namespace
}  // namespace gavotte::internal
