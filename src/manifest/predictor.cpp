// Formulas of a calibrated manifest as factors that a question multiplies out.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "check.h"
#include "gavotte/predict.h"
#include "manifest/formula.h"

namespace gavotte {
namespace {

using internal::LinearForm;

const std::string kPoints = "points", kVoxels = "N_in";

/// A sum whose factors are at least 0, so that more voxels never take less time.
LinearForm rising(const std::string& formula, std::span<const std::string> names,
                  const std::string& where) {
  LinearForm form = internal::linear_form(formula, names, where);
  GAVOTTE_CHECK(form.constant >= 0 && std::all_of(form.of.begin(), form.of.end(),
                                                  [](double factor) { return factor >= 0; }),
                where + ": expected factors of at least 0, got '" + formula.substr(0, 80) + "'");
  return form;
}

template <class T>
T calibrated(const std::optional<T>& value, const std::string& where) {
  GAVOTTE_CHECK(value.has_value(),
                where +
                    ": expected a calibrated manifest, got none here; "
                    "calibrate(), or 'gavotte manifest' with three scans or more, makes one");
  return *value;
}

void check_count(std::int64_t least, std::int64_t most) {
  GAVOTTE_CHECK(least >= 0 && least <= most,
                "a time is predicted of a range of counts from 0, got " + std::to_string(least) +
                    " to " + std::to_string(most));
}

}  // namespace

Predictor::Predictor(const Manifest& manifest) {
  const manifest::RunPrediction& fitted = manifest.run.predict;
  level_ = calibrated(fitted.level.v, "run.predict.level");
  knows_points_ = fitted.sizes.contains(kVoxels);
  const auto range = [&](const std::string& name) {
    const auto found = fitted.total.valid.find(name);
    GAVOTTE_CHECK(found != fitted.total.valid.end(),
                  "run.predict.total.valid: expected the range of '" + name + "', got none");
    return found->second;
  };
  std::vector<LinearForm> sizes;  // of N_in
  const std::vector<std::string> voxels = {kVoxels}, points = {kPoints};
  for (const auto& [name, value] : manifest.run.symbols) {
    if (name == kPoints) continue;
    symbols_.push_back(name);
    valid_.push_back(range(name));
    const std::string where = "run.predict.sizes." + name;
    if (name == kVoxels) {
      sizes.push_back({0, {1}});
    } else {
      const auto found = fitted.sizes.find(name);
      GAVOTTE_CHECK(found != fitted.sizes.end(), where + ": expected a formula of N_in, got none");
      sizes.push_back(rising(found->second, voxels, where));
    }
  }
  valid_voxels_ = range(kVoxels);
  LinearForm voxels_of_points{0, {0}};
  if (knows_points_) {
    voxels_of_points = rising(fitted.sizes.at(kVoxels), points, "run.predict.sizes.N_in");
    valid_points_ = range(kPoints);
  }

  const auto add = [&](double constant, std::vector<double> factors,
                       const manifest::Prediction& prediction, const std::string& where) {
    Part part;
    part.constant = part.of_voxels.constant = constant;
    for (std::size_t s = 0; s < factors.size(); ++s) {
      part.of_voxels.constant += factors[s] * sizes[s].constant;
      part.of_voxels.factor += factors[s] * sizes[s].of[0];
    }
    part.of_points = {part.of_voxels.constant + part.of_voxels.factor * voxels_of_points.constant,
                      part.of_voxels.factor * voxels_of_points.of[0]};
    part.factors = std::move(factors);
    part.sizes_band = calibrated(prediction.band.sizes.v, where + ".band.sizes");
    part.voxels_band = calibrated(prediction.band.voxels.v, where + ".band.voxels");
    if (knows_points_)
      part.points_band = calibrated(prediction.band.points.v, where + ".band.points");
    parts_.push_back(std::move(part));
  };
  LinearForm total{0, std::vector<double>(symbols_.size(), 0)};
  for (const manifest::Launch& launch : manifest.launches) {
    const std::string where = "launches[" + std::to_string(launch.seq) + "].predict";
    const std::string formula = calibrated(launch.predict.duration_us.v, where + ".duration_us");
    LinearForm form = rising(formula, symbols_, where + ".duration_us");
    total.add(form);
    add(form.constant, std::move(form.of), launch.predict, where);
  }
  add(total.constant, std::move(total.of), fitted.total, "run.predict.total");
}

const Predictor::Part& Predictor::part(std::size_t launch) const {
  GAVOTTE_CHECK(
      launch == kRun || launch < launches(),
      "expected a launch below " + std::to_string(launches()) + ", got " + std::to_string(launch));
  return launch == kRun ? parts_.back() : parts_[launch];
}

PredictedTime Predictor::of_sizes(std::span<const double> sizes, std::size_t launch) const {
  const Part& part = this->part(launch);
  GAVOTTE_CHECK(sizes.size() == symbols_.size(), "expected " + std::to_string(symbols_.size()) +
                                                     " sizes, got " + std::to_string(sizes.size()));
  PredictedTime time;
  time.us = part.constant;
  time.inside = true;
  for (std::size_t s = 0; s < sizes.size(); ++s) {
    GAVOTTE_CHECK(sizes[s] >= 0 && std::isfinite(sizes[s]),
                  symbols_[s] + ": expected a size of at least 0, got " + std::to_string(sizes[s]));
    time.us += part.factors[s] * sizes[s];
    if (launch == kRun || part.factors[s] > 0)
      time.inside = time.inside && sizes[s] >= valid_[s].min && sizes[s] <= valid_[s].max;
  }
  time.low_us = time.us / (1 + part.sizes_band);
  time.high_us = time.us * (1 + part.sizes_band);
  return time;
}

PredictedTime Predictor::of_sizes(const std::map<std::string, std::int64_t>& sizes,
                                  std::size_t launch) const {
  std::vector<double> values;
  for (const std::string& name : symbols_) {
    const auto found = sizes.find(name);
    GAVOTTE_CHECK(found != sizes.end(), "expected the size '" + name + "', got none");
    values.push_back(static_cast<double>(found->second));
  }
  for (const auto& [name, value] : sizes)
    GAVOTTE_CHECK(std::find(symbols_.begin(), symbols_.end(), name) != symbols_.end(),
                  "expected sizes of the manifest, got '" + name + "'");
  return of_sizes(values, launch);
}

PredictedTime Predictor::of_line(const Line& line, double band, const manifest::Range& valid,
                                 std::int64_t least, std::int64_t most) {
  const auto low = static_cast<double>(least), high = static_cast<double>(most);
  return {line.constant + line.factor * (low + high) / 2,
          (line.constant + line.factor * low) / (1 + band),
          (line.constant + line.factor * high) * (1 + band), low >= valid.min && high <= valid.max};
}

PredictedTime Predictor::of_voxels(std::int64_t least, std::int64_t most,
                                   std::size_t launch) const {
  check_count(least, most);
  const Part& part = this->part(launch);
  return of_line(part.of_voxels, part.voxels_band, valid_voxels_, least, most);
}

PredictedTime Predictor::of_points(std::int64_t least, std::int64_t most,
                                   std::size_t launch) const {
  GAVOTTE_CHECK(knows_points_,
                "expected a manifest of runs that tell their points, to predict from "
                "them; ask by voxels");
  check_count(least, most);
  const Part& part = this->part(launch);
  return of_line(part.of_points, part.points_band, valid_points_, least, most);
}

}  // namespace gavotte
