// Pooling kernels against the CPU's, bit for bit: sums run in the same order, maxima have the same
// ties.
#include "cuda/pooling.h"

#include <gtest/gtest.h>

#include "cpu/pooling.h"
#include "cuda/memory.h"
#include "cuda_cases.h"
#include "ops/pool_modes.h"

namespace gavotte::internal {
namespace {

using namespace testing_cuda;

void expect_both_ways(const KernelMap& map, DType dtype, const Tensor& x, const Tensor& grad_y) {
  const std::int64_t channels = x.shape()[1];
  for (const PoolMode mode : testing_ops::kPoolModes) {
    Tensor expected(dtype, {map.out_rows(), channels}), given(dtype, {map.out_rows(), channels});
    cpu::pool_forward({}, map, mode, x, expected);
    cuda::pool_forward({}, map, mode, x, given);
    expect_same(given, expected);
    Tensor gradient(dtype, x.shape()), given_gradient(dtype, x.shape());
    cpu::pool_backward({}, map, mode, x, expected, grad_y, gradient);
    cuda::pool_backward({}, map, mode, x, expected, grad_y, given_gradient);
    expect_same(given_gradient, gradient);
    if (::testing::Test::HasFailure())
      FAIL() << name(mode) << " " << name(dtype) << " C " << channels;
  }
}

TEST(CudaPooling, IsTheCpusBitForBit) {
  std::mt19937 random(1);
  for (const std::int64_t channels : {1, 3, 8, 261})
    for (const int offsets : {1, 7, 27}) {
      const KernelMap map = map_of(random_pairs(random, offsets, 40, 31), offsets, 40, 31);
      for (const DType dtype : kFloatingDTypes) {
        expect_both_ways(map, dtype, special(random, dtype, {40, channels}),
                         special(random, dtype, {31, channels}));
        // Many ties.
        expect_both_ways(map, dtype, tensor(dtype, {40, channels}, quarters(random, 40 * channels)),
                         tensor(dtype, {31, channels}, normals(random, 31 * channels)));
        expect_both_ways(map.transposed(), dtype, special(random, dtype, {31, channels}),
                         special(random, dtype, {40, channels}));
      }
    }
}

TEST(CudaPooling, EmptySidesAndChannels) {
  for (const auto& [in_rows, out_rows, channels] :
       std::vector<std::array<std::int64_t, 3>>{{0, 2, 4}, {2, 0, 4}, {0, 0, 1}, {3, 2, 0}}) {
    const KernelMap map = map_of({}, 3, in_rows, out_rows);
    expect_both_ways(map, DType::float32, Tensor::zeros(DType::float32, {in_rows, channels}),
                     Tensor::zeros(DType::float32, {out_rows, channels}));
  }
}

TEST(CudaPooling, LaunchesDoNotDependOnTheRows) {
  std::mt19937 random(2);
  for (const PoolMode mode : testing_ops::kPoolModes) {
    std::vector<std::string> first;
    for (const std::int64_t rows : {10, 3000}) {
      const KernelMap map = map_of(random_pairs(random, 5, rows, rows), 5, rows, rows);
      const Tensor x = special(random, DType::bfloat16, {rows, 8});
      Tensor y(DType::bfloat16, {rows, 8}), grad_x(DType::bfloat16, {rows, 8});
      map.table();
      map.transposed().table();
      const std::int64_t waits = cuda::synchronizations();
      const auto names = launches_of([&] {
        cuda::pool_forward({}, map, mode, x, y);
        cuda::pool_backward({}, map, mode, x, y, y, grad_x);
      });
      if (first.empty()) first = names;
      EXPECT_EQ(names, first);
      EXPECT_EQ(cuda::synchronizations(), waits);
    }
    EXPECT_EQ(first.front(), "pool_rows_bf16_8");
  }
}

TEST(CudaPooling, AddressesBetweenPacks) {
  std::mt19937 random(3);
  const KernelMap map = map_of(random_pairs(random, 6, 20, 20), 6, 20, 20);
  const Tensor x = special(random, DType::float16, {20, 8});
  Tensor memory(DType::uint8, {20 * 16 + 2}), expected(DType::float16, {20, 8});
  const TensorView given = shifted(memory, DType::float16, {20, 8}, 2);
  cpu::pool_forward({}, map, PoolMode::average_present, x, expected);
  cuda::pool_forward({}, map, PoolMode::average_present, x, given);
  expect_same(given, expected);
}

}  // namespace
}  // namespace gavotte::internal
