// Which coordinates of a derived set a coordinate leads to, on one axis.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "backend.h"

namespace gavotte::internal::cpu {

/// To coarse: all c with c * scale + offset = value. To fine: all value * scale + offset. Within the bounds.
struct AxisCandidates {
  std::int64_t scale = 1;
  bool to_coarse = true;
  std::vector<std::int64_t> offsets;  ///< Ascending, distinct.
  std::int64_t lower = std::numeric_limits<std::int64_t>::min();
  std::int64_t upper = std::numeric_limits<std::int64_t>::max();

  static AxisCandidates of(const Geometry& geometry, std::size_t axis, bool to_coarse,
                           const std::optional<Bounds>& bounds) {
    AxisCandidates candidates{geometry.scale[axis], to_coarse, {}};
    std::vector<std::int64_t>& offsets = candidates.offsets;
    for (const AxisOffset& offset : geometry.offsets) offsets.push_back(offset[axis]);
    std::sort(offsets.begin(), offsets.end());
    offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
    if (bounds) {
      candidates.lower = bounds->lower[axis];
      candidates.upper = bounds->upper[axis];
    }
    return candidates;
  }

  void list(std::int64_t value, std::vector<std::int64_t>& candidates) const {
    candidates.clear();
    for (const std::int64_t offset : offsets) {
      const std::int64_t moved = to_coarse ? value - offset : value * scale + offset;
      if (to_coarse && moved % scale != 0) continue;
      const std::int64_t candidate = to_coarse ? moved / scale : moved;
      if (candidate >= lower && candidate <= upper) candidates.push_back(candidate);
    }
  }
};

}  // namespace gavotte::internal::cpu
