#include "executor/magnitudes.h"

#include <cmath>

namespace gavotte::internal {

void Magnitudes::widen() {
  for (std::size_t i = 0; i < kBins / 2; ++i) counts_[i] = counts_[2 * i] + counts_[2 * i + 1];
  for (std::size_t i = kBins / 2; i < kBins; ++i) counts_[i] = 0;
  width_ *= 2;
}

void Magnitudes::add(ConstTensorView features) {
  for (const float value : features.span<float>()) {
    const float magnitude = std::abs(value);
    if (!(magnitude > 0) || !std::isfinite(magnitude)) continue;
    while (magnitude / static_cast<float>(kBins) >= width_) widen();
    ++counts_[static_cast<std::size_t>(magnitude / width_)];
  }
}

float Magnitudes::best_scale(float range) const {
  int bins = kBins;
  while (bins > 0 && counts_[static_cast<std::size_t>(bins - 1)] == 0) --bins;
  if (bins == 0) return 1.0F;
  const double width = static_cast<double>(width_), largest = bins * width;
  constexpr int kCandidates = 100;
  double best = largest, least = HUGE_VAL;
  for (int candidate = kCandidates; candidate > 0; --candidate) {
    const double reach = largest * candidate / kCandidates;
    const double step = reach / static_cast<double>(range);
    double error = 0;
    for (int bin = 0; bin < bins; ++bin) {
      const double beyond = (bin + 0.5) * width - reach;
      error += static_cast<double>(counts_[static_cast<std::size_t>(bin)]) *
               (beyond > 0 ? beyond * beyond : step * step / 12);
    }
    if (error < least) {
      least = error;
      best = reach;
    }
  }
  return static_cast<float>(best) / range;
}

}  // namespace gavotte::internal
