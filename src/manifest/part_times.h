// What each part of a run takes at given sizes, by a device's cost model or by its declared peaks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/plan.h"
#include "gavotte/estimate.h"
#include "manifest/device_files.h"
#include "manifest/size_model.h"

namespace gavotte::internal {

/// The input, each map, each step of the plan; on a CPU the return of the result.
class PartTimes {
 public:
  virtual ~PartTimes() = default;
  /// With low_us and high_us of these sizes. Throws Error (value) where the model does not know a layer.
  virtual std::vector<EstimatedTime> at(const Sizes& sizes) const = 0;
};

std::unique_ptr<const PartTimes> cost_model_times(const Plan& plan, const DeviceConfig& config,
                                                  DType dtype, int threads);
/// Throws Error (value) where the description does not say the peaks.
std::unique_ptr<const PartTimes> roofline_times(const Plan& plan, const DeviceDescription& device,
                                                DType dtype);

/// What a step reads and writes at least.
struct StepWork {
  double flop = 0, bytes = 0;
  double in_rows = 0, out_rows = 0, pairs = 0;
};
StepWork work_of(const Plan& plan, const PlanStep& step, const Sizes& sizes, DType dtype);
/// Of the rows' coordinates and features: read and written.
double input_bytes(const Plan& plan, const Sizes& sizes, DType dtype);

}  // namespace gavotte::internal
