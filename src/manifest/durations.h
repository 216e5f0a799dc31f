// The times of regions over rounds.
#pragma once

#include <vector>

#include "executor/plan.h"
#include "gavotte/manifest.h"

namespace gavotte::internal {

/// Smallest, median, 99th percentile (nearest rank) and number of samples, at least one of them.
manifest::Duration duration_of(std::vector<double> us, const std::string& how);

/// Which regions a run is cut into, in order.
struct Regions {
  explicit Regions(const Plan& plan) : maps(plan.maps.size()), steps(plan.steps.size()) {}
  std::size_t maps, steps;
  std::size_t map(std::size_t index) const { return 1 + index; }  ///< 0: the input's preparation
  std::size_t step(std::size_t index) const { return 1 + maps + index; }
  std::size_t last() const { return 1 + maps + steps; }  ///< Placing of buffers and return.
  std::size_t size() const { return last() + 1; }
};

/// Of each region, from the statistics of each round.
std::vector<manifest::Duration> region_durations(const Plan& plan,
                                                 const std::vector<RunStats>& rounds);

}  // namespace gavotte::internal
