// Prefix sums over the threads of a block.
#pragma once

#include <cstdint>

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

/// The sum over this thread and the lower lanes of its warp, all 32 of which take part.
template <class T>
GAVOTTE_DEVICE T warp_inclusive_sum(T value) {
  for (int step = 1; step < kWarpThreads; step *= 2) {
    const T below = shuffle_up(kFullMask, value, step);
    if (lane_index() >= step) value += below;
  }
  return value;
}

template <class T>
struct BlockScanShared {
  T warp_sums[32];
};

/// The sum over the threads before this one; `total`: over all. Blocks of whole warps. The next call
/// needs other shared memory, or a barrier before it.
template <class T>
GAVOTTE_DEVICE T block_exclusive_sum(T value, BlockScanShared<T>& shared, T& total) {
  const T inclusive = warp_inclusive_sum(value);
  if (lane_index() == kWarpThreads - 1) shared.warp_sums[warp_index()] = inclusive;
  sync_block();
  T before = 0;
  total = 0;
  for (int warp = 0; warp < block_threads() / kWarpThreads; ++warp) {
    if (warp == warp_index()) before = total;
    total += shared.warp_sums[warp];
  }
  return before + inclusive - value;
}

}  // namespace gavotte::internal::cuda
