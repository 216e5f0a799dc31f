// The inputs of all pairs in one matrix.
#pragma once

#include "gavotte/kernel_map.h"

namespace gavotte::internal::cuda {

/// gathered [pairs without the identity's, C] = x [N, C] at the input rows, C = x.shape[1].
/// channel_tile: channels copied before the next ones are begun; 0 = all.
void launch_gather_inputs(const Execution& execution, const KernelMap& map, ConstTensorView x,
                          std::int64_t channel_tile, void* gathered);

}  // namespace gavotte::internal::cuda
