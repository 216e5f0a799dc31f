// Adversarial values of rows, and comparison with the CPU.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/values.h"

namespace gavotte::testing_cuda {

using namespace testing_ops;

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

}  // namespace gavotte::testing_cuda
