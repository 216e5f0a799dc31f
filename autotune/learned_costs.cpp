#include "learned_costs.h"

#include <algorithm>
#include <utility>

namespace gavotte::internal {

void LearnedCosts::learn(const LayerShape& shape, const ConvConfig& config, double ms) {
  const auto units = cost_units(shape, config, device_);
  if (!units || !(ms > 0)) return;
  const CostFit key = fit_key(shape, config, device_.kind);
  auto times = std::find_if(times_.begin(), times_.end(),
                            [&](const Times& some) { return same_key(some.key, key); });
  if (times == times_.end()) times = times_.insert(times_.end(), Times{key, {}, {}, false});
  times->samples.push_back({units->values(), ms});
  times->range.add(shape);
  times->changed = true;
}

void LearnedCosts::learn(const TunedLayer& layer) {
  const LayerShape shape{layer.kind, layer.rows, layer.pairs, offsets_of(layer.kind.kernel)};
  learn(shape, layer.config, layer.measured.ms);
  if (layer.config != ConvConfig{}) learn(shape, ConvConfig{}, layer.measured.default_ms);
}

bool LearnedCosts::cover(const LayerShape& shape, const ConvConfig& config) const {
  const CostFit key = fit_key(shape, config, device_.kind);
  return std::any_of(times_.begin(), times_.end(), [&](const Times& times) {
    return same_key(times.key, key) && times.range.covers(shape);
  });
}

std::vector<CostFit> LearnedCosts::fits(std::span<const CostFit> known) {
  std::vector<CostFit> fits;
  for (Times& times : times_) {
    const auto count = static_cast<int>(times.samples.size());
    if (!std::exchange(times.changed, false) || count < kLeastCostSamples) continue;
    const bool has_better = std::any_of(known.begin(), known.end(), [&](const CostFit& old) {
      return same_key(old, times.key) && old.samples > count && old.ns.size() == kCostUnits;
    });
    if (!has_better) fits.push_back(fit_cost(times.key, times.samples));
  }
  return fits;
}

}  // namespace gavotte::internal
