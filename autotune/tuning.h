// The tuning of all problems within a budget: what Tuner::run() does, with a seam for clock and times.
#pragma once

#include <functional>

#include "gavotte/tuner.h"
#include "layer_run.h"
#include "map_run.h"
#include "problems.h"

namespace gavotte::internal {

/// Where times and results come from. Tests put others in their place.
struct TuneHooks {
  std::function<double()> seconds;  ///< A clock.
  /// Milliseconds of a run, of `repeats` in a row.
  std::function<double(LayerRun&, const ConvConfig&, int repeats)> layer_ms;
  std::function<Tensor(LayerRun&, const ConvConfig&)> layer_output;
  std::function<double(const MapRun&, const MapConfig&, int repeats)> map_ms;
  std::function<KernelMap(const MapRun&, const MapConfig&)> map_built;
  /// A steady clock and the backend's times.
  static TuneHooks real();
};

TuneReport tune(const Problems& problems, const TuneOptions& options, const TuneHooks& hooks);

}  // namespace gavotte::internal
