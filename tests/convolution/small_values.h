// Random bfloat16 values of which some, or their products or sums, are subnormal.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "half.h"

namespace gavotte::test {

/// `count` values, most in [-1, 1].
inline std::vector<internal::BFloat16> small_values(std::mt19937& random, std::int64_t count) {
  std::uniform_real_distribution<float> value(-1, 1);
  std::uniform_int_distribution<int> kind(0, 31);
  std::vector<internal::BFloat16> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const int which = kind(random);
    values.emplace_back(value(random) * (which == 0 ? 0x1p-127F : which < 4 ? 0x1p-63F : 1.0F));
  }
  return values;
}

}  // namespace gavotte::test
