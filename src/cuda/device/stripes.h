// Long sums by a block: a lane for each sum, the terms dealt out to the warps ("stripes"), whose
// parts are then added in the order of the warps.
#pragma once

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

inline constexpr int kStripes = 8;
inline constexpr int kStripeThreads = kStripes * kWarpThreads;  ///< Of a block.

template <class A>
struct StripesShared {
  A sums[kStripes][kWarpThreads];
};

/// The sum over the stripes of this lane's column, in their order; in the first warp.
template <class A>
GAVOTTE_DEVICE A add_stripes(StripesShared<A>& shared, A own) {
  shared.sums[warp_index()][lane_index()] = own;
  sync_block();
  A sum = shared.sums[0][lane_index()];
  if (warp_index() == 0)
    for (int stripe = 1; stripe < kStripes; ++stripe) sum += shared.sums[stripe][lane_index()];
  sync_block();
  return sum;
}

}  // namespace gavotte::internal::cuda
