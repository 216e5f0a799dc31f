// From the class of each output row of a network to a label for each point of the scan.
#pragma once

#include <cstdint>
#include <vector>

#include "gavotte/executor.h"
#include "gavotte/voxelize.h"

namespace gavotte::cli {

/// int32 [points], -1 where a point was dropped. A network whose output has stride s gives all
/// voxels of one s-cell the class of the output row that covers it, -1 where there is none. The
/// output must have coordinates (no global pool).
std::vector<std::int32_t> point_labels(const Result& result, const Voxels& voxels);

}  // namespace gavotte::cli
