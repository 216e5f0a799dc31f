// Keys of 32 bits of rows of four columns, a vector of rows at a time.
#pragma once

#include <array>
#include <cstdint>

namespace gavotte::internal::cpu {

/// start + the sum over the columns of value times factor, modulo 2^32.
struct KeySum {
  std::array<std::uint32_t, 4> factors = {};
  std::uint32_t start = 0;
};

/// keys [rows] of values, int32 [rows, 4]. True where they ascend strictly.
bool make_keys(const std::int32_t* values, std::int64_t rows, const KeySum& sum,
               std::uint32_t* keys);

}  // namespace gavotte::internal::cpu
