#include "map_space.h"

#include <algorithm>

namespace gavotte::internal {

Reach reach_of(const Geometry& geometry) {
  Reach reach{geometry.offsets.front(), geometry.offsets.front()};
  for (const AxisOffset& offset : geometry.offsets) {
    for (std::size_t axis = 0; axis < kMaxDims; ++axis) {
      reach.lower[axis] = std::min(reach.lower[axis], offset[axis]);
      reach.upper[axis] = std::max(reach.upper[axis], offset[axis]);
    }
  }
  return reach;
}

Box guarded_box(const Box& fine, const Reach& reach, int dims) {
  Box box = fine;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(dims); ++axis) {
    const std::int64_t width = reach.upper[axis] - reach.lower[axis];
    box.lower[axis + 1] -= width;
    box.upper[axis + 1] += width;
  }
  return box;
}

bool windows_inside(const Box& coarse, const Geometry& geometry, const Reach& reach,
                    const Box& box) {
  bool inside = coarse.lower[0] >= box.lower[0] && coarse.upper[0] <= box.upper[0];
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(geometry.dims); ++axis) {
    inside =
        inside &&
        coarse.lower[axis + 1] * geometry.scale[axis] + reach.lower[axis] >= box.lower[axis + 1] &&
        coarse.upper[axis + 1] * geometry.scale[axis] + reach.upper[axis] <= box.upper[axis + 1];
  }
  return inside;
}

}  // namespace gavotte::internal
