// Smallest and largest value of each column of a narrow table.
#pragma once

#include <cstdint>

namespace gavotte::internal::cpu {

/// Widens lower and upper, int32 [columns], by values, int32 [rows, columns]; 2 <= columns <= 5.
void widen_range(const std::int32_t* values, std::int64_t rows, int columns, std::int32_t* lower,
                 std::int32_t* upper);

}  // namespace gavotte::internal::cpu
