// The dataflow tile_indirect: tiles of output rows stay in fast memory while the pairs of each offset in turn are read
// and added up through their indices; nothing is gathered or scattered.
#pragma once

#include "cpu/convolution_tile.h"

namespace gavotte::internal::cpu {

/// Of a product_dtype, element (i, o) of offset k and group g at data[k * offset + g * group + i * in + o * out].
struct OffsetWeights {
  DType dtype;
  const void* data;
  std::int64_t offset, group, in, out;
};

/// y of the task, whose own weights are not read. Sums begin with the identity's pair where the map has one, then take
/// the other offsets in their order.
void tile_indirect(const Execution& execution, const ForwardTask& task,
                   const OffsetWeights& weights, const WorkspaceLease& workspaces);

}  // namespace gavotte::internal::cpu
