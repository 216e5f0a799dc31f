// The dataflow tile_indirect: tiles of output rows stay in fast memory while the pairs of each offset in turn are read
// and added up through their indices; nothing is gathered or scattered.
#pragma once

#include "cpu/convolution_tile.h"
#include "cpu/panels.h"

namespace gavotte::internal::cpu {

/// Output rows of a tile, or config.tile_rows where that is set.
std::int64_t indirect_tile_rows(const Execution& execution, const ConvConfig& config,
                                const MapPairs& pairs, std::int64_t in_channels,
                                std::int64_t out_channels);

/// y of the task, whose own weights are not read. Sums begin with the identity's pair where the map has one, then take
/// the other offsets in their order.
void tile_indirect(const Execution& execution, const ForwardTask& task, const Panels& panels,
                   const WorkspaceLease& workspaces);

}  // namespace gavotte::internal::cpu
