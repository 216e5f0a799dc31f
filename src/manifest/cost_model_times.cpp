// Times by a device config: layers by its cost model, maps by its tuned maps, what it does not time by bytes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "check.h"
#include "config/kinds.h"
#include "cost_model.h"
#include "executor/executor_impl.h"
#include "executor/layer_kind.h"
#include "layer_shape.h"
#include "manifest/part_times.h"
#include "manifest/plan_buffers.h"
#include "manifest/residuals.h"

namespace gavotte::internal {
namespace {

constexpr std::size_t kFewestEntries = 9;  // that say what nine in ten of them are
constexpr double kErrorsOfABand = 3;       // of a fit with fewer: its median error so often
/// What no config times is a few percent of a run: 10 GB/s of a CPU's thread, within a factor of 4 either way.
constexpr double kNsOfAByte = 0.1, kBandOfBytes = 3;
constexpr double kBandOfOneEntry = 0.5;
/// A tuned map is timed again and again; one of a run is made once, with its output's set: 6 to 13 times as long, the median
/// 8, of the maps of both built-in networks on the scenes of bench/predict.py (AMD EPYC, 2026-11).
constexpr double kRunOverTuned = 8;
constexpr const char* kMapHow =
    "the nearest tuned map of its kind, by rows and pairs, within a factor of 4 or what they need "
    "among themselves";
constexpr const char* kOtherMapHow =
    "the median tuned map, by rows and pairs, within a factor of 4 or what tuned maps need";
constexpr double kSortPasses = 8;  // of the input's rows

EstimatedTime time_of(std::string layer, std::string op, double us, double band, std::string how) {
  return {std::move(layer), std::move(op), us, us / (1 + band), us * (1 + band), std::move(how)};
}

class CostModelTimes final : public PartTimes {
 public:
  CostModelTimes(const Plan& plan, const DeviceConfig& config, DType dtype, int threads)
      : plan_(plan), config_(config), dtype_(dtype) {
    execution_.device = {config.device().kind, 0};
    execution_.threads = threads;
    for (const PlanStep& step : plan_.steps)
      kinds_.push_back(layer_kind(plan_, step, dtype, execution_));
    learn_maps();
  }

  std::vector<EstimatedTime> at(const Sizes& sizes) const override {
    std::vector<EstimatedTime> parts = {
        of_bytes("", "input", kSortPasses * input_bytes(plan_, sizes, dtype_))};
    for (std::size_t m = 0; m < plan_.maps.size(); ++m) parts.push_back(of_map(m, sizes));
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) parts.push_back(of_step(s, sizes));
    if (config_.device().kind == DeviceKind::cpu) {
      const PlanStep& last = plan_.steps.back();
      const double written = work_of(plan_, last, sizes, dtype_).out_rows *
                             static_cast<double>(plan_.values[internal::at(plan_.output)].channels *
                                                 size_bytes(dtype_));
      parts.push_back(of_bytes("", "return", 2 * written));
    }
    return parts;
  }

 private:
  EstimatedTime of_bytes(std::string layer, std::string op, double bytes) const {
    const double threads = std::max(1, execution_.threads);
    return time_of(std::move(layer), std::move(op), bytes * kNsOfAByte / threads * 1e-3,
                   kBandOfBytes, "bytes at an assumed 10 GB/s of a thread, within a factor of 4");
  }

  /// A map's time goes with its rows and pairs.
  static double map_units(double rows, double pairs) { return std::max(1.0, rows + pairs); }
  const TunedMap* nearest(const MapKind& kind, double rows, const TunedMap* but) const {
    const TunedMap* found = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const TunedMap& map : config_.maps()) {
      if (map.kind != kind || &map == but) continue;
      const double far =
          std::abs(std::log(std::max(1.0, rows)) -
                   std::log(static_cast<double>(std::max<std::int64_t>(1, map.rows))));
      if (far < least) found = &map, least = far;
    }
    return found;
  }
  static double by_entry(const TunedMap& entry, double rows, double pairs) {
    return kRunOverTuned * entry.measured.ms * 1e3 /
           map_units(static_cast<double>(entry.rows), static_cast<double>(entry.pairs)) *
           map_units(rows, pairs);
  }
  void learn_maps() {
    std::vector<double> near, rates, far;
    for (const TunedMap& map : config_.maps()) {
      const auto rows = static_cast<double>(map.rows), pairs = static_cast<double>(map.pairs);
      const double us = kRunOverTuned * map.measured.ms * 1e3;
      if (map.kind.threads != kind_threads(execution_) || us <= 0) continue;
      rates.push_back(us / map_units(rows, pairs));
      if (const TunedMap* other = nearest(map.kind, rows, &map))
        near.push_back(distance(by_entry(*other, rows, pairs), us));
    }
    GAVOTTE_CHECK(!rates.empty(),
                  "expected a config with tuned maps on " +
                      std::to_string(kind_threads(execution_)) +
                      " threads to estimate maps by, got none; gavotte tune times them");
    std::vector<double> sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    us_of_map_unit_ = sorted[sorted.size() / 2];
    for (const double rate : rates) far.push_back(distance(us_of_map_unit_ * 1e6, rate * 1e6));
    band_of_other_maps_ = std::max(band_of(far), kBandOfBytes);
    band_of_maps_ = near.empty() ? band_of_other_maps_ : std::max(band_of(near), kBandOfBytes);
  }
  EstimatedTime of_map(std::size_t index, const Sizes& sizes) const {
    const CoordinateManager::PlannedLayer& planned = plan_.maps[index];
    const MapKind kind = map_kind(planned.spec, plan_.dims, execution_);
    const double rows = sizes.rows[internal::at(plan_.map_output[index])],
                 pairs = sizes.pairs[index];
    const std::string layer = layer_of_map(plan_, index);
    if (planned.spec.kind == ConvKind::inverse)
      return time_of(layer, "map", 0, 0,
                     "the strided layer's map read the other way: nothing is built");
    if (const TunedMap* entry = nearest(kind, rows, nullptr))
      return time_of(layer, "map", by_entry(*entry, rows, pairs), band_of_maps_, kMapHow);
    return time_of(layer, "map", us_of_map_unit_ * map_units(rows, pairs), band_of_other_maps_,
                   kOtherMapHow);
  }

  EstimatedTime of_step(std::size_t index, const Sizes& sizes) const {
    const PlanStep& step = plan_.steps[index];
    const StepWork work = work_of(plan_, step, sizes, dtype_);
    const LayerKind& kind = kinds_[index];
    if (kind.kernel.empty()) return of_bytes(step.name, step.op, work.bytes);
    LayerShape shape{kind, std::llround(work.out_rows), std::llround(work.pairs),
                     step.kind == StepKind::dense ? 1 : step.spec.kernel_volume(plan_.dims)};
    if (shape.pairs == 0) return time_of(step.name, step.op, 0, 0, "no pairs, no products");
    if (shape.depthwise()) return of_depthwise(step, shape);
    ConvConfig config = config_.find(kind, shape.rows, shape.pairs).config;
    auto predicted = predict(config_.cost_model(), shape, config, config_.device());
    if (!predicted) {
      config = ConvConfig{};
      predicted = predict(config_.cost_model(), shape, config, config_.device());
    }
    GAVOTTE_CHECK(predicted.has_value(),
                  "layer " + step.name + ": the config's cost model does not know " +
                      kind.to_string() + "; gavotte tune fits it to such layers");
    const CostFit key = fit_key(shape, config, config_.device().kind);
    std::size_t entries = 0;
    const double band = band_of_fit(key, predicted->error, entries);
    std::string how = "cost model of " + std::string(name(key.dataflow)) + ", fitted to " +
                      std::to_string(predicted->samples) + " times; the band of ";
    how += entries >= kFewestEntries
               ? "nine in ten of its " + std::to_string(entries) + " tuned layers"
               : "three times its median error";
    return time_of(step.name, step.op, predicted->ms * 1e3, band, std::move(how));
  }

  /// A layer of one channel a group, which the cost model does not count.
  EstimatedTime of_depthwise(const PlanStep& step, const LayerShape& shape) const {
    const TunedLayer* nearest = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const TunedLayer& layer : config_.layers()) {
      const double far = std::abs(std::log(static_cast<double>(shape.pairs + 1)) -
                                  std::log(static_cast<double>(layer.pairs + 1)));
      if (layer.kind == shape.kind && layer.pairs > 0 && far < least) nearest = &layer, least = far;
    }
    const auto pairs = static_cast<double>(shape.pairs);
    if (nearest != nullptr)
      return time_of(
          step.name, step.op,
          nearest->measured.ms * 1e3 * pairs / static_cast<double>(nearest->pairs), kBandOfOneEntry,
          "its tuned layer of the nearest size, by pairs; within a factor of 1.5, assumed");
    const auto channels = static_cast<double>(shape.kind.in_channels + shape.kind.out_channels);
    return of_bytes(step.name, step.op, pairs * channels * static_cast<double>(size_bytes(dtype_)));
  }

  double band_of_fit(const CostFit& key, double error, std::size_t& entries) const {
    std::vector<double> residuals;
    for (const TunedLayer& layer : config_.layers()) {
      const LayerShape shape{layer.kind, layer.rows, layer.pairs, offsets_of(layer.kind.kernel)};
      if (layer.measured.ms <= 0 ||
          !same_key(fit_key(shape, layer.config, config_.device().kind), key))
        continue;
      if (const auto predicted =
              predict(config_.cost_model(), shape, layer.config, config_.device()))
        residuals.push_back(distance(predicted->ms * 1e3, layer.measured.ms * 1e3));
    }
    entries = residuals.size();
    return entries >= kFewestEntries ? band_of(std::move(residuals)) : kErrorsOfABand * error;
  }

  const Plan plan_;
  const DeviceConfig config_;
  const DType dtype_;
  Execution execution_;
  std::vector<LayerKind> kinds_;
  double us_of_map_unit_ = 0, band_of_maps_ = 0, band_of_other_maps_ = 0;
};

}  // namespace

std::unique_ptr<const PartTimes> cost_model_times(const Plan& plan, const DeviceConfig& config,
                                                  DType dtype, int threads) {
  return std::make_unique<CostModelTimes>(plan, config, dtype, threads);
}

}  // namespace gavotte::internal
