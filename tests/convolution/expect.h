// What a convolution gave against the definition, and against another run.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

#include "reference.h"

namespace gavotte::testing {

/// Within the rounding of the dtype.
inline void expect_close(const Tensor& actual, const Expected& expected) {
  const auto values = to_doubles(actual);
  ASSERT_EQ(values.size(), expected.value.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(values[i], expected.value[i],
                tolerance(actual.dtype(), expected.terms, expected.magnitude[i], expected.value[i]))
        << "element " << i;
}

inline void expect_same_bits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.view().bytes(), b.view().bytes());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.view().bytes())), 0);
}

}  // namespace gavotte::testing
