// Fits the times of launches to the sizes of scans, and says by fits that leave a scan or a kind of them out how far they are
// to be believed:
// leave-one-out residuals as a conformal score (Barber et al., Predictive inference with the jackknife+, 2021, the plain
// jackknife).
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "check.h"
#include "gavotte/predict.h"
#include "least_squares.h"
#include "manifest/folds.h"
#include "manifest/formula.h"
#include "manifest/metric.h"
#include "manifest/residuals.h"
#include "timing.h"

namespace gavotte {
namespace {

using internal::all_but;
using internal::distance;
using internal::fit_line;
using internal::Folds;
using internal::kLeastUs;
using internal::Line;
using internal::LinearForm;
using manifest::Prediction;

constexpr std::size_t kFewestScans = 3;
constexpr std::size_t kLongestFormula = 4096;
const std::string kPoints = "points", kVoxels = "N_in";

double known(const std::optional<double>& value, const std::string& where) {
  GAVOTTE_CHECK(value.has_value(), where + ": expected a measured value, got none");
  return *value;
}

/// What is fitted to: sizes and times of each run.
struct Samples {
  std::vector<std::string> names;              // symbols but for points
  std::vector<std::vector<double>> sizes;      // [run][name]
  std::vector<double> voxels, points, total;   // [run]; points: empty where a run does not tell
  std::vector<std::vector<double>> us;         // [launch][run]
  std::vector<std::vector<LinearForm>> units;  // [launch]: what its time is a sum of
};

void check_alike(const Manifest& first, const Manifest& other, std::size_t index) {
  const auto check = [index](const char* what, const auto& expected, const auto& given) {
    GAVOTTE_CHECK(expected == given, "calibrate() expects runs of one network on one device; run " +
                                         std::to_string(index) + " has another " + what +
                                         " than run 0");
  };
  check("device", first.device.name, other.device.name);
  check("network", first.run.network, other.run.network);
  check("dtype", first.run.dtype, other.run.dtype);
  check("budget of threads", first.run.threads, other.run.threads);
  check("sequence of launches", first.run.launch_sequence_hash, other.run.launch_sequence_hash);
  check("number of launches", first.launches.size(), other.launches.size());
}

/// A constant, rows and pairs, each once.
std::vector<LinearForm> units_of(const manifest::Launch& launch,
                                 const std::vector<std::string>& names, const std::string& where) {
  std::vector<LinearForm> units = {internal::linear_form("1", names, where)};
  std::vector<std::string> seen = {"0"};
  for (const std::string& text : {launch.shape.in_rows, launch.shape.out_rows, launch.shape.pairs})
    if (std::find(seen.begin(), seen.end(), text) == seen.end()) {
      units.push_back(internal::linear_form(text, names, where));
      seen.push_back(text);
    }
  return units;
}

double value_of(const LinearForm& form, const std::vector<double>& sizes) {
  return std::inner_product(sizes.begin(), sizes.end(), form.of.begin(), form.constant);
}

Samples samples_of(std::span<const Manifest> runs) {
  Samples samples;
  const Manifest& first = runs.front();
  for (const auto& [name, value] : first.run.symbols)
    if (name != kPoints) samples.names.push_back(name);
  samples.us.resize(first.launches.size());
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const Manifest& run = runs[r];
    const std::string where = "calibrate(): run " + std::to_string(r);
    check_alike(first, run, r);
    const auto size = [&](const std::string& name) {
      const auto found = run.run.symbols.find(name);
      GAVOTTE_CHECK(found != run.run.symbols.end() && found->second.v,
                    where + ": expected the symbol '" + name + "', got none");
      return static_cast<double>(*found->second.v);
    };
    std::vector<double> sizes;
    for (const std::string& name : samples.names) sizes.push_back(size(name));
    samples.sizes.push_back(std::move(sizes));
    samples.voxels.push_back(size(kVoxels));
    if (const auto points = run.run.symbols.find(kPoints);
        points != run.run.symbols.end() && points->second.v)
      samples.points.push_back(static_cast<double>(*points->second.v));
    samples.total.push_back(std::max(kLeastUs, known(run.run.duration_us.median.v, where)));
    for (std::size_t l = 0; l < run.launches.size(); ++l)
      samples.us[l].push_back(std::max(kLeastUs, known(run.launches[l].duration_us.median.v,
                                                       where + ", launch " + std::to_string(l))));
  }
  if (samples.points.size() < runs.size()) samples.points.clear();
  for (const manifest::Launch& launch : first.launches)
    samples.units.push_back(units_of(launch, samples.names, launch.kernel.key));
  return samples;
}

/// What is known after a fit.
struct Fit {
  std::vector<LinearForm> launches;
  LinearForm total;
  std::vector<Line> sizes;  // of N_in
  Line voxels;              // of points

  std::vector<double> sizes_at(double count) const {
    std::vector<double> all;
    for (const Line& line : sizes) all.push_back(line.at(count));
    return all;
  }
};

Fit fit(const Samples& samples, const std::vector<std::size_t>& of) {
  Fit fit;
  fit.total.of.assign(samples.names.size(), 0);
  for (std::size_t l = 0; l < samples.us.size(); ++l) {
    std::vector<std::vector<double>> units;
    std::vector<double> us;
    for (const std::size_t r : of) {
      std::vector<double>& row = units.emplace_back();
      for (const LinearForm& unit : samples.units[l])
        row.push_back(value_of(unit, samples.sizes[r]));
      us.push_back(samples.us[l][r]);
    }
    const std::vector<double> constants = internal::fit_relative(units, us);
    LinearForm& form = fit.launches.emplace_back();
    form.of.assign(samples.names.size(), 0);
    for (std::size_t u = 0; u < constants.size(); ++u) form.add(samples.units[l][u], constants[u]);
    fit.total.add(form);
  }
  for (std::size_t s = 0; s < samples.names.size(); ++s) {
    std::vector<double> sizes;
    for (const auto& run : samples.sizes) sizes.push_back(run[s]);
    fit.sizes.push_back(samples.names[s] == kVoxels ? Line{0, 1}
                                                    : fit_line(samples.voxels, sizes, of));
  }
  if (!samples.points.empty()) fit.voxels = fit_line(samples.points, samples.voxels, of);
  return fit;
}

/// Of one launch or the run: of each scan by a fit without its fold.
struct Residuals {
  std::vector<double> sizes, voxels, points, relative;
};

/// Of each launch, then of the run.
std::vector<Residuals> leave_out(const Samples& samples, const Folds& folds) {
  const std::size_t runs = samples.total.size(), launches = samples.us.size();
  std::vector<Fit> fits;
  for (std::size_t fold = 0; fold < folds.count; ++fold)
    fits.push_back(fit(samples, folds.without(fold)));
  std::vector<Residuals> residuals(launches + 1);
  for (std::size_t r = 0; r < runs; ++r) {
    const Fit& without = fits[folds.of[r]];
    const std::vector<double> by_voxels = without.sizes_at(samples.voxels[r]);
    const std::vector<double> by_points =
        samples.points.empty() ? std::vector<double>()
                               : without.sizes_at(without.voxels.at(samples.points[r]));
    for (std::size_t l = 0; l <= launches; ++l) {
      const LinearForm& form = l < launches ? without.launches[l] : without.total;
      const double measured = l < launches ? samples.us[l][r] : samples.total[r];
      const double predicted = value_of(form, samples.sizes[r]);
      residuals[l].relative.push_back(std::abs(predicted / measured - 1));
      residuals[l].sizes.push_back(distance(predicted, measured));
      residuals[l].voxels.push_back(distance(value_of(form, by_voxels), measured));
      if (!by_points.empty())
        residuals[l].points.push_back(distance(value_of(form, by_points), measured));
    }
  }
  return residuals;
}

/// Unavailable where there are none.
manifest::Amount band_metric(const std::vector<double>& residuals, const Folds& folds) {
  if (residuals.empty())
    return {{}, manifest::Source::unavailable, "the runs do not tell their points"};
  return internal::metric(folds.band(residuals), manifest::Source::estimated, folds.how());
}

Prediction prediction_of(const LinearForm& form, const Residuals& residuals, const Samples& samples,
                         const Folds& folds) {
  Prediction prediction;
  const std::string formula = form.to_string(samples.names);
  prediction.duration_us =
      formula.size() <= kLongestFormula
          ? internal::metric(formula, manifest::Source::estimated,
                             "least squares of relative errors over " +
                                 std::to_string(samples.total.size()) + " scans")
          : manifest::Words{{}, manifest::Source::unavailable, "longer than a formula may be"};
  prediction.error = internal::metric(internal::median(residuals.relative),
                                      manifest::Source::estimated, folds.how());
  prediction.band = {band_metric(residuals.sizes, folds), band_metric(residuals.voxels, folds),
                     band_metric(residuals.points, folds)};
  return prediction;
}

manifest::Range range_of(const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {*least, *most};
}

}  // namespace

Manifest calibrate(std::span<const Manifest> runs, std::span<const std::string> kinds) {
  GAVOTTE_CHECK(
      runs.size() >= kFewestScans,
      "calibrate() expects manifests of at least 3 scans, got " + std::to_string(runs.size()));
  const Samples samples = samples_of(runs);
  const Folds folds = internal::folds_of(runs.size(), kinds);
  const Fit whole = fit(samples, all_but(runs.size(), runs.size()));
  const std::vector<Residuals> residuals = leave_out(samples, folds);

  std::map<std::string, manifest::Range> valid;
  for (std::size_t s = 0; s < samples.names.size(); ++s) {
    std::vector<double> sizes;
    for (const auto& run : samples.sizes) sizes.push_back(run[s]);
    valid[samples.names[s]] = range_of(sizes);
  }
  Manifest result = runs.front();
  for (std::size_t l = 0; l < result.launches.size(); ++l) {
    Prediction& prediction = result.launches[l].predict;
    prediction = prediction_of(whole.launches[l], residuals[l], samples, folds);
    for (std::size_t s = 0; s < samples.names.size(); ++s)
      if (whole.launches[l].of[s] > 0)
        prediction.valid[samples.names[s]] = valid.at(samples.names[s]);
  }
  manifest::RunPrediction& run = result.run.predict;
  run = {};
  run.scans =
      internal::declared(static_cast<std::int64_t>(runs.size()), "manifests that were given");
  run.level = internal::derived(folds.level(),
                                folds.kinds ? "of scans of another kind: kinds / (kinds + 1) of "
                                              "min(0.9, scans / (scans + 1)) of each kind"
                                            : "min(0.9, scans / (scans + 1))");
  run.total = prediction_of(whole.total, residuals.back(), samples, folds);
  run.total.valid = valid;
  const auto formula = [](const Line& line, const std::string& of) {
    const std::vector<std::string> names = {of};
    return LinearForm{line.constant, {line.factor}}.to_string(names);
  };
  for (std::size_t s = 0; s < samples.names.size(); ++s)
    if (samples.names[s] != kVoxels) run.sizes[samples.names[s]] = formula(whole.sizes[s], kVoxels);
  if (!samples.points.empty()) {
    run.sizes[kVoxels] = formula(whole.voxels, kPoints);
    run.total.valid[kPoints] = range_of(samples.points);
  }
  return result;
}

}  // namespace gavotte
