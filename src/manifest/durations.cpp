#include "manifest/durations.h"

#include <algorithm>
#include <cmath>

#include "manifest/metric.h"

namespace gavotte::internal {

manifest::Duration duration_of(std::vector<double> us, const std::string& how) {
  std::sort(us.begin(), us.end());
  const std::size_t n = us.size(), middle = n / 2;
  const double median = n % 2 == 1 ? us[middle] : (us[middle - 1] + us[middle]) / 2;
  const auto rank = static_cast<std::size_t>(std::ceil(0.99 * static_cast<double>(n)));
  return {measured(us.front(), how), measured(median, how), measured(us[rank - 1], how),
          declared(static_cast<std::int64_t>(n), "rounds that were asked for")};
}

std::vector<manifest::Duration> region_durations(const Plan& plan,
                                                 const std::vector<RunStats>& rounds) {
  const Regions regions(plan);
  std::vector<std::vector<double>> us(regions.size());
  for (const RunStats& stats : rounds) {
    std::vector<double> map_ms(plan.maps.size(), 0);
    double maps_ms = 0;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      us[regions.step(i)].push_back(stats.layers[i].compute_ms * 1e3);
      if (const int map = plan.steps[i].map; map >= 0)  // counted by its first step
        map_ms[static_cast<std::size_t>(map)] += stats.layers[i].map_ms;
    }
    for (std::size_t i = 0; i < map_ms.size(); ++i) {
      us[regions.map(i)].push_back(map_ms[i] * 1e3);
      maps_ms += map_ms[i];
    }
    // Differences of clocks may fall below zero by a tick.
    us[0].push_back(std::max(0.0, stats.map_ms - maps_ms) * 1e3);
    us[regions.last()].push_back(std::max(0.0, stats.total_ms - stats.map_ms - stats.compute_ms) *
                                 1e3);
  }
  const std::string clock = "steady clock around the region";
  std::vector<manifest::Duration> durations;
  for (std::size_t i = 0; i < us.size(); ++i)
    durations.push_back(duration_of(
        std::move(us[i]), i == 0                ? "preparing of the scan less that of its maps"
                          : i == regions.last() ? "the run less its preparing and its steps"
                                                : clock));
  return durations;
}

}  // namespace gavotte::internal
