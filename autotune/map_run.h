// A kernel map to be built: its sets, and what a config makes of them.
#pragma once

#include <memory>

#include "backend.h"
#include "gavotte/tuner.h"

namespace gavotte::internal {

class MapRun {
 public:
  /// The problem is right (Problems::add) and outlives this.
  MapRun(const MapProblem& problem, const Execution& execution);

  const MapProblem& problem() const noexcept { return problem_; }
  std::int64_t rows() const noexcept { return output_.rows(); }
  /// Mirrored offsets on one set: half of the map may be searched.
  bool symmetric() const noexcept { return geometry_.symmetric && input_is_output_; }

  KernelMap build(const MapConfig& config) const;
  double time_ms(const MapConfig& config, int repeats) const;
  /// Double traversal of all offsets: the other builder, without the shortcut.
  static MapConfig reference();
  /// Whether two maps have the same pairs.
  static bool same(const KernelMap& map, const KernelMap& expected);

 private:
  const MapProblem& problem_;
  Execution execution_;
  Backend& backend_;
  Geometry geometry_;
  Coordinates output_;
  bool input_is_output_;
};

}  // namespace gavotte::internal
