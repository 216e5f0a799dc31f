// Binary search in an ascending array.
#pragma once

#include <cstdint>

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

/// The last index whose value is at most `value`; values[0] is. Among equal values the last one, so
/// in the CSR form of lists it is the list that holds element `value`.
template <class T>
GAVOTTE_DEVICE std::int32_t last_at_most(const T* values, std::int32_t count, T value) {
  std::int32_t low = 0, high = count;
  while (high - low > 1) {
    const std::int32_t middle = low + (high - low) / 2;
    if (values[middle] <= value)
      low = middle;
    else
      high = middle;
  }
  return low;
}

}  // namespace gavotte::internal::cuda
