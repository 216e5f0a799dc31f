// Rows in any order: a run works in key order inside and gives back the caller's order, to the bit.
#include "executor/row_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "executor/scene.h"
#include "gavotte/executor.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::make_scan;
using test::Scan;

std::vector<std::int64_t> shuffled(std::int64_t rows) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[internal::random_bits(77, i) % i]);
  return order;
}

/// Row i of the result is row order[i] of the tensor.
Tensor taken(const ConstTensorView& from, const std::vector<std::int64_t>& order) {
  Tensor to(from.dtype, from.shape);
  const auto bytes = static_cast<std::size_t>(from.shape[1] * size_bytes(from.dtype));
  for (std::size_t i = 0; i < order.size(); ++i)
    std::memcpy(
        static_cast<std::byte*>(to.data()) + i * bytes,
        static_cast<const std::byte*>(from.data) + static_cast<std::size_t>(order[i]) * bytes,
        bytes);
  return to;
}

void expect_same_bytes(const ConstTensorView& got, const ConstTensorView& expected) {
  ASSERT_EQ(got.shape, expected.shape);
  ASSERT_EQ(got.dtype, expected.dtype);
  EXPECT_EQ(std::memcmp(got.data, expected.data, static_cast<std::size_t>(expected.bytes())), 0);
}

/// A run on shuffled rows against one on the same rows in key order.
void expect_order_is_kept(const Network& network, const ExecutorOptions& options,
                          std::vector<std::int32_t> entries = {0}) {
  const Scan scan = make_scan(700, 14, 3, 31, std::move(entries));
  const std::vector<std::int64_t> order = shuffled(scan.coordinates.rows());
  const Tensor coordinates = taken(scan.coordinates.view(), order);
  const Tensor features = taken(scan.features.view(), order);
  Executor sorted_executor(network, options), executor(network, options);
  const Result sorted = sorted_executor.run(scan.coordinates, scan.features);
  const Result result = executor.run(coordinates, features);
  const bool on_input = sorted.coordinates && sorted.coordinates.rows() == scan.coordinates.rows();
  if (on_input) {
    expect_same_bytes(result.features, taken(sorted.features, order));
    expect_same_bytes(result.coordinates.lattice(), coordinates);
  } else {
    expect_same_bytes(result.features, sorted.features);
    ASSERT_EQ(static_cast<bool>(result.coordinates), static_cast<bool>(sorted.coordinates));
    if (sorted.coordinates)
      expect_same_bytes(result.coordinates.lattice(), sorted.coordinates.lattice());
  }
}

TEST(RowOrder, OfTheInputIsThatOfTheOutput) {
  for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16})
    for (const Dataflow dataflow : {Dataflow::automatic, Dataflow::gather_gemm_scatter})
      for (const int threads : {1, 3}) {
        ExecutorOptions options{.dtype = dtype, .threads = threads};
        options.conv_config.dataflow = dataflow;
        SCOPED_TRACE(std::string(name(dtype)) + " " + std::string(name(dataflow)));
        expect_order_is_kept(test::small_network(), options, {0, 2});
      }
}

TEST(RowOrder, OfTheInputFitsTheArenaOfALimitedScan) {
  expect_order_is_kept(test::small_network(), {.max_voxels = 700, .threads = 2});
}

TEST(RowOrder, OfOtherSetsIsTheLibrarys) {
  NetworkBuilder coarse;
  coarse.convolution("down", coarse.input(3), 5, ConvSpec::strided(2, 2));
  expect_order_is_kept(coarse.build("down"), {});
  NetworkBuilder pooled;
  pooled.global_pool("pool", pooled.input(3), PoolMode::sum);
  expect_order_is_kept(pooled.build("pool"), {}, {0, 1});
}

TEST(RowOrder, OfAnOutputThatIsTheInputIsKept) {
  for (const DType dtype : {DType::float32, DType::float16}) {
    NetworkBuilder net;
    expect_order_is_kept(net.build(net.input(3)), {.dtype = dtype});
  }
}

TEST(RowOrder, OfRowsInKeyOrderIsLeftAlone) {
  const Scan scan = make_scan(50, 8, 1, 32);
  internal::Backend& backend = internal::backend(Device::cpu());
  const Coordinates sorted(scan.coordinates.view());
  EXPECT_TRUE(internal::in_key_order(backend, {}, sorted).same_as(sorted));
  const Coordinates empty(ConstTensorView(static_cast<const std::int32_t*>(nullptr), Shape{0, 4}));
  EXPECT_TRUE(internal::in_key_order(backend, {}, empty).same_as(empty));

  const Coordinates given(taken(scan.coordinates.view(), shuffled(sorted.rows())));
  ASSERT_TRUE(given.order());
  const Coordinates ordered = internal::in_key_order(backend, {}, given);
  EXPECT_FALSE(ordered.order());
  expect_same_bytes(ordered.lattice(), sorted.lattice());
}

}  // namespace
}  // namespace gavotte
