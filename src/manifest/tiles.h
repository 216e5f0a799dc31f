// Where each launch of a run may be left.
#pragma once

#include <cstdint>
#include <vector>

#include "executor/executor_access.h"

namespace gavotte::internal {

/// Runs the scan once more and counts the tile boundaries that an eviction flag would be read at, of each launch.
std::vector<std::int64_t> count_tiles(ExecutorAccess::Impl& impl, const Voxels& voxels);
/// The same on a GPU: of each kernel that the run launches, in order. Waits before each.
std::vector<std::int64_t> count_kernel_tiles(Executor& executor, const Voxels& voxels);

}  // namespace gavotte::internal
