// Times by a device's declared peaks: the longer of products and bytes, and launches at an assumed time each.
#include <algorithm>
#include <limits>

#include "check.h"
#include "executor/executor_impl.h"
#include "manifest/part_times.h"
#include "manifest/plan_buffers.h"

namespace gavotte::internal {
namespace {

constexpr double kLaunchUs = 3;  // assumed
/// Kernels, fills, copies and calls of libraries as the backend starts them, counted in the manifest of a run of
/// SparseResUNet42: of the input with the read of all sizes, of a map with its lists, of an output's set, of a convolution
/// (the mean) and of a concatenation's input.
constexpr double kInputLaunches = 8, kMapLaunches = 5, kSetLaunches = 7, kConvolutionLaunches = 9;

double launches_of(const PlanStep& step) {
  if (step.kind == StepKind::convolution) return kConvolutionLaunches;
  return step.kind == StepKind::concatenate ? static_cast<double>(step.inputs.size()) : 1;
}

double launches_of(ConvKind kind) {
  if (kind == ConvKind::inverse) return 0;  // the strided layer's map read the other way
  return kMapLaunches + (kind == ConvKind::submanifold ? 0 : kSetLaunches);
}

class RooflineTimes final : public PartTimes {
 public:
  RooflineTimes(const Plan& plan, const DeviceDescription& device, DType dtype)
      : plan_(plan), dtype_(dtype) {
    GAVOTTE_CHECK(
        device.gflops.value_or(0) > 0 && device.dram_gb_per_s.value_or(0) > 0,
        device.name + ": expected gflops and dram_gb_per_s above 0 to estimate from, got none");
    const bool narrow = size_bytes(dtype) == 2;
    flop_per_us_ = 1e3 * (narrow ? device.tensor_gflops.value_or(*device.gflops) : *device.gflops);
    bytes_per_us_ = 1e3 * *device.dram_gb_per_s;
    how_ = "the peaks that " + device.source +
           " declares, and 3 us a launch, assumed; not calibrated, so nothing is known above";
  }

  std::vector<EstimatedTime> at(const Sizes& sizes) const override {
    std::vector<EstimatedTime> parts = {
        part("", "input", 0, input_bytes(plan_, sizes, dtype_), kInputLaunches)};
    for (std::size_t m = 0; m < plan_.maps.size(); ++m) {
      const int from = plan_.maps[m].input;
      const double rows =
          sizes.rows[internal::at(from < 0 ? 0 : plan_.map_output[internal::at(from)])] +
          sizes.rows[internal::at(plan_.map_output[m])];
      parts.push_back(part(layer_of_map(plan_, m), "map", 0,
                           rows * 4.0 * (plan_.dims + 1) + 8 * sizes.pairs[m],
                           launches_of(plan_.maps[m].spec.kind)));
    }
    for (const PlanStep& step : plan_.steps) {
      const StepWork work = work_of(plan_, step, sizes, dtype_);
      parts.push_back(part(step.name, step.op, work.flop, work.bytes, launches_of(step)));
    }
    return parts;
  }

 private:
  EstimatedTime part(std::string layer, std::string op, double flop, double bytes,
                     double launches) const {
    const double bound = std::max(flop / flop_per_us_, bytes / bytes_per_us_);
    return {std::move(layer),
            std::move(op),
            bound + launches * kLaunchUs,
            bound,
            std::numeric_limits<double>::infinity(),
            how_};
  }

  const Plan plan_;
  const DType dtype_;
  double flop_per_us_ = 0, bytes_per_us_ = 0;
  std::string how_;
};

}  // namespace

std::unique_ptr<const PartTimes> roofline_times(const Plan& plan, const DeviceDescription& device,
                                                DType dtype) {
  return std::make_unique<RooflineTimes>(plan, device, dtype);
}

}  // namespace gavotte::internal
