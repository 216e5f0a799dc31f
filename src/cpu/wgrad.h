// The weights' gradient: what its two ways share.
#pragma once

#include "backend.h"
#include "cpu/convolution_tile.h"

namespace gavotte::internal::cpu {

/// What multiplies rows.
enum class WgradProducts {
  accumulators,  ///< indirect_wgrad, 16-bit rows as float32
  packed,        ///< packed_wgrad()
  paired,        ///< paired_wgrad()
  tiled,         ///< tiled_wgrad
};

struct WeightGradient {
  const ConvPlan& plan;
  const MapPairs& pairs;
  DType dtype;
  const void* x;       ///< [N, Cin] of dtype
  const void* grad_y;  ///< [M, Cout] of dtype
  WgradProducts products;
  std::int64_t in_group() const noexcept { return plan.in_channels / plan.groups; }
  std::int64_t out_group() const noexcept { return plan.out_channels / plan.groups; }
  /// Elements of one offset's gradient [Cin / groups, Cout].
  std::int64_t volume() const noexcept { return in_group() * plan.out_channels; }
};

/// grad_weights [K, Cin / groups, Cout] of dtype, with rows read through their indices. The offsets' gradients stay in
/// cache while tiles of pairs, in key order, pass all of them.
void wgrad_indirect(const Execution& execution, const WeightGradient& task, void* grad_weights);

}  // namespace gavotte::internal::cpu
