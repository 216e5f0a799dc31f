// The times that a cost model is fitted to, as they come in.
#pragma once

#include <span>
#include <vector>

#include "cost_model.h"

namespace gavotte::internal {

class LearnedCosts {
 public:
  explicit LearnedCosts(DeviceIdentity device) : device_(std::move(device)) {}

  void learn(const LayerShape& shape, const ConvConfig& config, double ms);
  /// The two times of an entry.
  void learn(const TunedLayer& layer);
  /// Whether times of about that size are among them: a fit is not to be believed far away from what it was fitted to.
  bool cover(const LayerShape& shape, const ConvConfig& config) const;
  /// A fit for each key whose times have changed since the last call, where there are enough of them, and no fewer
  /// than those of the `known` fit.
  std::vector<CostFit> fits(std::span<const CostFit> known);

 private:
  struct Times {
    CostFit key;
    std::vector<CostSample> samples;
    OperationRange range;
    bool changed = false;
  };
  DeviceIdentity device_;
  std::vector<Times> times_;
};

}  // namespace gavotte::internal
