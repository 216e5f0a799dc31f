#include <algorithm>
#include <cmath>

#include "check.h"
#include "executor/plan.h"
#include "gavotte/estimate.h"
#include "manifest/part_times.h"
#include "manifest/size_model.h"
#include "parallel.h"

namespace gavotte {

using internal::SizeModel;
using internal::Sizes;
using Bound = SizeModel::Bound;

struct Estimator::Impl {
  EstimateSource source = EstimateSource::cost_model;
  std::string device;
  SizeModel sizes;
  std::unique_ptr<const internal::PartTimes> times;
};

namespace {

constexpr std::int64_t kMostCount = std::int64_t{1} << 40;
constexpr double kTrialVoxels = 1000;  // what a model does not know comes out at once

internal::Plan plan_of(const Network& network, const EstimateOptions& options) {
  GAVOTTE_CHECK_TYPE(
      is_floating_point(options.dtype),
      "an estimate expects a floating-point dtype, got " + std::string(name(options.dtype)));
  internal::Plan plan = internal::make_plan(network);
  internal::choose_storage(plan, false);
  return plan;
}

SizeModel sizes_for(const internal::Plan& plan, const EstimateOptions& options) {
  return options.scans.empty() ? SizeModel(plan) : SizeModel(plan, options.scans);
}

EstimatedRun run_of(std::vector<EstimatedTime> parts) {
  EstimatedRun run;
  run.run.op = "run";
  run.run.how = "the sum of its parts, their bands as if all were off the same way";
  for (const EstimatedTime& part : parts) {
    run.run.us += part.us;
    run.run.low_us += part.low_us;
    run.run.high_us += part.high_us;
  }
  run.parts = std::move(parts);
  return run;
}

/// Times at the middle, with bounds at the ends.
EstimatedRun run_between(const internal::PartTimes& times, const Sizes& least, const Sizes& middle,
                         const Sizes& most) {
  std::vector<EstimatedTime> parts = times.at(middle);
  const std::vector<EstimatedTime> low = times.at(least), high = times.at(most);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].low_us = std::min(parts[i].low_us, low[i].low_us);
    parts[i].high_us = std::max(parts[i].high_us, high[i].high_us);
  }
  return run_of(std::move(parts));
}

void check_counts(std::int64_t least, std::int64_t most) {
  GAVOTTE_CHECK(least >= 0 && least <= most && most <= kMostCount,
                "a time is estimated of a range of counts from 0 to 2^40, got " +
                    std::to_string(least) + " to " + std::to_string(most));
}

double middle_of(std::int64_t least, std::int64_t most) {
  return (static_cast<double>(least) + static_cast<double>(most)) / 2;
}

}  // namespace

std::string_view name(EstimateSource source) noexcept {
  return source == EstimateSource::cost_model ? "cost_model" : "roofline";
}

Estimator Estimator::of_config(const Network& network, const DeviceConfig& config,
                               const EstimateOptions& options) {
  const internal::Plan plan = plan_of(network, options);
  check_threads({.threads = options.threads});
  const bool gpu = config.device().kind == DeviceKind::cuda;
  GAVOTTE_CHECK(!gpu || options.threads <= 1,
                "a GPU has no budget of threads, got " + std::to_string(options.threads));
  const int threads = gpu                   ? 1
                      : options.threads > 0 ? options.threads
                                            : std::max(1, config.device().units);
  auto impl = std::make_shared<Impl>(
      Impl{EstimateSource::cost_model, config.device().name, sizes_for(plan, options),
           internal::cost_model_times(plan, config, options.dtype, threads)});
  impl->times->at(impl->sizes.of_voxels(kTrialVoxels, Bound::typical));
  return Estimator(std::move(impl));
}

Estimator Estimator::of_description(const Network& network, const std::string& path,
                                    const EstimateOptions& options) {
  const internal::Plan plan = plan_of(network, options);
  GAVOTTE_CHECK(options.threads == 0 || options.threads == 1,
                "a GPU has no budget of threads, got " + std::to_string(options.threads));
  const auto device = internal::DeviceDescription::load(path);
  return Estimator(
      std::make_shared<Impl>(Impl{EstimateSource::roofline, device.name, sizes_for(plan, options),
                                  internal::roofline_times(plan, device, options.dtype)}));
}

EstimateSource Estimator::source() const noexcept { return impl_->source; }
const std::string& Estimator::device() const noexcept { return impl_->device; }
const std::string& Estimator::sizes_from() const noexcept { return impl_->sizes.source(); }
const std::vector<std::string>& Estimator::symbols() const noexcept {
  return impl_->sizes.symbols();
}

EstimatedRun Estimator::of_sizes(const std::map<std::string, std::int64_t>& sizes) const {
  return run_of(impl_->times->at(impl_->sizes.of_names(sizes)));
}

EstimatedRun Estimator::of_voxels(std::int64_t least, std::int64_t most) const {
  check_counts(least, most);
  const SizeModel& sizes = impl_->sizes;
  return run_between(*impl_->times, sizes.of_voxels(static_cast<double>(least), Bound::least),
                     sizes.of_voxels(std::round(middle_of(least, most)), Bound::typical),
                     sizes.of_voxels(static_cast<double>(most), Bound::most));
}

EstimatedRun Estimator::of_points(std::int64_t least, std::int64_t most) const {
  check_counts(least, most);
  const SizeModel& sizes = impl_->sizes;
  const auto at = [&](double points, Bound bound) {
    return sizes.of_voxels(sizes.voxels_of(points, bound), bound);
  };
  return run_between(*impl_->times, at(static_cast<double>(least), Bound::least),
                     at(middle_of(least, most), Bound::typical),
                     at(static_cast<double>(most), Bound::most));
}

}  // namespace gavotte
