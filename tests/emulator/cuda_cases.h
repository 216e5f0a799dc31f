// What the tests of row kernels share: adversarial values, and comparison with the CPU.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cuda/launch.h"
#include "ops/values.h"

namespace gavotte::testing_cuda {

using namespace testing_ops;

/// A view into `memory` from `skip` bytes on: what is not aligned to a pack.
inline TensorView shifted(Tensor& memory, DType dtype, Shape shape, std::int64_t skip) {
  return {static_cast<std::byte*>(memory.data()) + skip, dtype, shape};
}

/// Values with zeros of both signs, infinities, NaN and subnormals among them.
inline Tensor special(std::mt19937& random, DType dtype, Shape shape) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Doubles odd = {0.0, -0.0, kInfinity, -kInfinity, std::nan(""), 1e-7, -6e-8, 65504, 1e-40};
  Doubles values = normals(random, shape.elements());
  for (double& value : values)
    if (random() % 4 == 0) value = odd[random() % odd.size()];
  return tensor(dtype, shape, values);
}

/// Equal bits, or both NaN: the hardware need not keep the bits of a NaN.
inline void expect_same(const ConstTensorView& given, const ConstTensorView& expected) {
  ASSERT_EQ(given.shape, expected.shape);
  const Doubles a = doubles(given), b = doubles(expected);
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(std::isnan(a[i]), std::isnan(b[i])) << "element " << i;
    if (std::isnan(a[i])) continue;
    ASSERT_EQ(a[i], b[i]) << "element " << i;
    ASSERT_EQ(std::signbit(a[i]), std::signbit(b[i])) << "element " << i;
  }
}

/// The names of the launches of a call.
template <class Call>
std::vector<std::string> launches_of(Call&& call) {
  struct Recorder final : internal::cuda::LaunchListener {
    void on_launch(const internal::cuda::Launch& launch) override {
      names.emplace_back(launch.name);
    }
    std::vector<std::string> names;
  } recorder;
  internal::cuda::LaunchListener* const before = internal::cuda::set_launch_listener(&recorder);
  call();
  internal::cuda::set_launch_listener(before);
  return recorder.names;
}

}  // namespace gavotte::testing_cuda
