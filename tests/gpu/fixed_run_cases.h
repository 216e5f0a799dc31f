// What the tests of Executor::enqueue share: its input on the device, and comparison with the CPU.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "executor/scene.h"
#include "gavotte/executor.h"
#include "gavotte/sparse_ops.h"
#include "gpu/gpu.h"

namespace gavotte::testing_gpu {

inline constexpr std::int64_t kRoom = 160;  // voxels

inline ExecutorOptions fixed_options(Stream stream = {}) {
  return {.device = kCuda,
          .stream = stream,
          .max_voxels = kRoom,
          .bounds = CoordinateBounds{.lower = -8, .upper = 7, .batch_size = 2}};
}

/// The memory that a captured run would read, on the device.
struct Input {
  Tensor coordinates = Tensor(DType::int32, {kRoom, 4}, kCuda);
  Tensor features;
  Tensor count = Tensor(DType::int64, {1}, kCuda);

  Stream stream;

  explicit Input(std::int64_t channels, DType dtype = DType::float32, Stream stream = {})
      : features(dtype, {kRoom, channels}, kCuda), stream(stream) {}

  void set(const test::Scan& scan) { set(scan, scan.coordinates.rows()); }
  void set(const test::Scan& scan, std::int64_t rows) {
    upload(scan.coordinates, coordinates);
    upload(convert(scan.features, features.dtype()), features);
    const std::vector<std::int64_t> counts = {rows};
    upload(Tensor::from<std::int64_t>(counts, {1}), count);
  }
  void upload(const Tensor& from, Tensor& to) const {
    const auto& shape = from.shape();
    const Shape part = shape.rank() == 2 ? Shape{std::min(kRoom, shape[0]), shape[1]} : shape;
    internal::backend(kCuda).copy({.device = kCuda, .stream = stream},
                                  {to.data(), to.dtype(), part, kCuda},
                                  {from.data(), from.dtype(), part});
  }
};

inline void expect_close(const Result& given, const Result& expected) {
  ASSERT_EQ(given.features.shape, expected.features.shape);
  const Tensor a = Tensor::copy_to(Device::cpu(), given.features);
  const auto x = a.span<float>();
  const auto y = expected.features.span<float>();
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 2e-5 * (1 + std::abs(y[i])));
  if (!expected.coordinates) return;
  const Tensor where = Tensor::copy_to(Device::cpu(), given.coordinates.lattice());
  const auto rows = expected.coordinates.lattice().span<std::int32_t>();
  ASSERT_TRUE(std::equal(rows.begin(), rows.end(), where.span<std::int32_t>().begin()));
}

}  // namespace gavotte::testing_gpu
