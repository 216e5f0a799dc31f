// The box of keys in which a kernel map is searched: that of the fine set, widened by the reach of
// the kernel, so that no window that meets the set can leave it.
#pragma once

#include "coordinate_data.h"
#include "geometry.h"

namespace gavotte::internal {

/// Smallest and largest offset on each axis.
struct Reach {
  AxisOffset lower = {}, upper = {};
};

Reach reach_of(const Geometry& geometry);

/// The fine set's box, widened so that every window that meets it lies inside.
Box guarded_box(const Box& fine, const Reach& reach, int dims);

/// True where every window of a coarse set with the box `coarse` lies in `box`.
bool windows_inside(const Box& coarse, const Geometry& geometry, const Reach& reach,
                    const Box& box);

}  // namespace gavotte::internal
