// Binary search in sorted keys, in global or in shared memory.
#pragma once

#include <cstdint>

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

/// First position in [low, high) whose key is not below `wanted`, else high.
template <class Key>
GAVOTTE_DEVICE std::int32_t lower_bound(const Key* keys, std::int32_t low, std::int32_t high,
                                        const Key& wanted) {
  while (low < high) {
    const std::int32_t middle = low + (high - low) / 2;
    if (keys[middle] < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace gavotte::internal::cuda
