// Sets derived from others without a sort.
#pragma once

#include <memory>
#include <span>

#include "axis_candidates.h"
#include "coordinate_data.h"

namespace gavotte::internal::cpu {

/// All coordinates that the rows of `set` lead to, in key order, each once: on each axis by its candidates, in all
/// combinations; batches stay. Null where a sort serves better: where little of the space is filled, where outputs may
/// pass int32 or 2^31 candidates, where a stride passes PlaneAxis::kMaxPeriod; and where there are no outputs.
std::shared_ptr<const CoordinateData> derive_by_planes(const Execution&, const CoordinateData& set,
                                                       std::span<const AxisCandidates> axes,
                                                       PerAxis stride);

}  // namespace gavotte::internal::cpu
