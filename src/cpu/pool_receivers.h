// Poolings of narrow rows, pair by pair.
#pragma once

#include "backend.h"

namespace gavotte::internal::cpu {

constexpr std::int32_t kPoolTileRows = 1024;  ///< Rows of y that a thread makes at a time.

/// Rows of x are so narrow that those of y are made faster from pairs as they come than from lists of their inputs.
bool pools_by_receiving(const ConstTensorView& x);

/// Each row of y is the sum of its inputs over `divisor`, 0: over the number of them; with scales of rows of x the sum.
void receive_average(const Execution& execution, const KernelMap& map, std::int64_t divisor,
                     const ConstTensorView& x, const TensorView& y, const float* scales = nullptr);

/// Each row of y is the largest of its inputs, 0 where it has none.
void receive_max(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                 const TensorView& y);

}  // namespace gavotte::internal::cpu
