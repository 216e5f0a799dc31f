// The dataflow tile_indirect: tiles of output rows stay in fast memory while the pairs of each offset in turn are read
// and added up through their indices; nothing is gathered or scattered.
#pragma once

#include "cpu/convolution_tile.h"
#include "cpu/panels.h"
#include "cpu/tile_rows.h"
#include "function_ref.h"

namespace gavotte::internal::cpu {

/// Calls body(first place, rows, workspace) for tiles of output rows, in parallel; workspace.first and .counts say which
/// pairs each has, an identity alone needs no lists for that. Tiles that follow each other are one task. row_bytes: of a
/// row's inputs and sums, which decide how many rows a tile has where the config does not.
void for_each_tile(const Execution& execution, const ConvConfig& config, const MapPairs& pairs,
                   std::int64_t row_bytes, const WorkspaceLease& workspaces,
                   FunctionRef<void(std::int64_t, std::int64_t, Workspace&)> body);

/// y of the task, whose own weights are not read. Sums begin with the identity's pair where the map has one, then take
/// the other offsets in their order.
void tile_indirect(const Execution& execution, const ForwardTask& task, const Panels& panels,
                   const WorkspaceLease& workspaces);

}  // namespace gavotte::internal::cpu
