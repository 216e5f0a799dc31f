// Poolings into memory of the caller's: the same bits as those that allocate, nothing beside it touched.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "gavotte/pooling.h"
#include "ops/pool_modes.h"
#include "ops/values.h"

namespace gavotte {
namespace {

using namespace testing_ops;

constexpr std::size_t kGuardBytes = 256;
constexpr std::byte kGuard{0xFF};  // NaN in every dtype

/// Caller's memory with a guard on both sides. All of it is NaN before, so that an element that is not written shows.
struct Guarded {
  explicit Guarded(const Tensor& like)
      : bytes(static_cast<std::size_t>(like.view().bytes()) + 2 * kGuardBytes, kGuard),
        view(bytes.data() + kGuardBytes, like.dtype(), like.shape()) {}

  bool guards_are_whole() const {
    const auto whole = [](auto first, auto last) {
      return std::all_of(first, last, [](std::byte byte) { return byte == kGuard; });
    };
    return whole(bytes.begin(), bytes.begin() + kGuardBytes) &&
           whole(bytes.end() - kGuardBytes, bytes.end());
  }

  std::vector<std::byte> bytes;
  TensorView view;
};

void expect_same(const Tensor& expected, const std::function<void(TensorView)>& into,
                 const std::string& what) {
  Guarded out(expected);
  into(out.view);
  EXPECT_EQ(bytes_of(out.view), bytes_of(expected)) << what;
  EXPECT_TRUE(out.guards_are_whole()) << what;
}

TEST(PoolingInto, WritesWhatPoolingReturns) {
  std::mt19937 random(1);
  const KernelMap map = map_of(random_pairs(random, 5, 40, 30), 5, 40, 30);
  for (const DType dtype : kFloatingDTypes)
    for (const PoolMode mode : kPoolModes) {
      const std::string what = std::string(name(dtype)) + " " + std::string(name(mode));
      const Tensor x = tensor(dtype, {40, 3}, quarters(random, 120));
      const Tensor grad = tensor(dtype, {30, 3}, quarters(random, 90));
      const Tensor y = pool(x.view(), map, mode);
      expect_same(
          y, [&](TensorView out) { pool_into(out, x, map, mode); }, what);
      expect_same(
          pool_backward(x, y, grad, map, mode),
          [&](TensorView out) { pool_backward_into(out, x, y, grad, map, mode); }, what);
    }
}

TEST(PoolingInto, WritesWhatGlobalPoolingReturns) {
  std::mt19937 random(2);
  const Coordinates set(coordinate_tensor(random_coordinates(random, 40, 3, 9, 3), 3));
  constexpr std::int32_t kEntries = 5;  // two of them are empty
  for (const DType dtype : kFloatingDTypes)
    for (const PoolMode mode : {PoolMode::max, PoolMode::sum, PoolMode::average_present}) {
      const std::string what = std::string(name(dtype)) + " " + std::string(name(mode));
      const Tensor x = tensor(dtype, {40, 3}, quarters(random, 120));
      const Tensor grad = tensor(dtype, {kEntries, 3}, quarters(random, 15));
      const Tensor y = global_pool(x, set, kEntries, mode);
      expect_same(
          y, [&](TensorView out) { global_pool_into(out, x, set, kEntries, mode); }, what);
      expect_same(
          global_pool_backward(x, y, grad, set, mode),
          [&](TensorView out) { global_pool_backward_into(out, x, y, grad, set, mode); }, what);
    }
}

TEST(PoolingInto, WritesNothingWhereTheMemoryDoesNotFit) {
  const KernelMap map = map_of({{0, 0, 0}}, 1, 2, 1);
  const Coordinates set(coordinate_tensor({{0, 0}, {1, 0}}, 1));
  const Tensor x = tensor(DType::float32, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor y = tensor(DType::float32, {1, 3}, {1, 2, 3});
  const PoolMode max = PoolMode::max;
  using Into = std::function<void(TensorView)>;
  const std::vector<std::pair<Shape, Into>> calls = {
      {{1, 3}, [&](TensorView out) { pool_into(out, x, map, max); }},
      {{2, 3}, [&](TensorView out) { pool_backward_into(out, x, y, y, map, max); }},
      {{4, 3}, [&](TensorView out) { global_pool_into(out, x, set, 4, max); }},
      {{2, 3}, [&](TensorView out) { global_pool_backward_into(out, x, x, x, set, max); }}};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto& [shape, into] = calls[i];
    Tensor memory(DType::float64, {8, 8});
    std::memset(memory.data(), 0x5A, static_cast<std::size_t>(memory.view().bytes()));
    const auto before = bytes_of(memory);
    const auto message = [&into = into](TensorView out) { return error_of([&] { into(out); }); };
    const auto expect = [&](TensorView out, const std::string& part) {
      EXPECT_NE(message(out).find(part), std::string::npos) << i << ": " << message(out);
    };
    expect({memory.data(), DType::float32, {shape[0] + 1, 3}}, "out must be");
    expect({memory.data(), DType::float32, {shape[0], 2}}, "out must be");
    expect({memory.data(), DType::float32, {shape[0] * 3}}, "out must be");
    expect({memory.data(), DType::float64, shape}, "out");
    expect({nullptr, DType::float32, shape}, "null");
    expect({memory.data(), DType::float32, shape, {DeviceKind::cuda, 0}}, "cuda:0");
    EXPECT_EQ(bytes_of(memory), before) << i;
    EXPECT_EQ(message({memory.data(), DType::float32, shape}), "") << i;
  }
}

}  // namespace
}  // namespace gavotte
