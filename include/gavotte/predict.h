// How long a run will take, before it is made: what a robot asks before it takes a frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gavotte/manifest.h"

namespace gavotte {

/// Fits what a run takes to manifests of one network on at least three scans (docs/predict.md), and returns the first of
/// them with its `predict` members filled:
/// - each launch as a sum of a constant, its rows and its pairs with factors of at least 0, by least squares of relative
///   errors;
/// - each symbol as such a sum of a constant and N_in, and N_in as one of `points` where all scans tell their points;
/// - errors and bands from fits that leave one scan out. The level is 0.9, or n / (n + 1) for fewer than nine scans.
/// The scans should be like those to come: the bands are those of scans drawn alike.
/// kinds: of each scan what it is of ("street", "room"), where scans of a kind that is not among them are to come. The bands
/// are then from fits that leave a kind out, that of the kind that is furthest off, and the level is what so many kinds can
/// promise of another, k / (k + 1) of the above. Empty: none.
/// Throws Error (value): kinds that are not one a scan, fewer than 2, or with fewer than 3 scans beside one.
/// Throws Error (value): fewer manifests, or some of different devices, networks, dtypes, budgets of threads or sequences
/// of launches; a duration or a symbol that is not known.
GAVOTTE_API Manifest calibrate(std::span<const Manifest> runs,
                               std::span<const std::string> kinds = {});

/// The symbols of a scan that an Executor on the CPU has prepared, but for `points`: rows of its coordinate sets, entries
/// of the batch, pairs of its maps.
/// Throws Error (value): an empty handle, or a scan of another Executor.
GAVOTTE_API std::map<std::string, std::int64_t> sizes_of(const Executor& executor,
                                                         const PreparedScan& scan);

struct PredictedTime {
  double us = 0;                   ///< Of a range of sizes: at its middle.
  double low_us = 0, high_us = 0;  ///< The band; of a range of sizes, of all of it.
  /// Whether all sizes that were given lie within those of the scans of the fit. Outside of them a time is a guess and
  /// the band promises nothing.
  bool inside = false;
  friend bool operator==(const PredictedTime&, const PredictedTime&) = default;
};

/// Evaluates what calibrate() fitted. A value, which many threads may ask at once; its questions allocate nothing, but for
/// sizes by name, and those about voxels and points take a few multiplications.
class GAVOTTE_API Predictor {
 public:
  /// Instead of a launch: the whole run.
  static constexpr std::size_t kRun = static_cast<std::size_t>(-1);

  /// Throws Error (value): a manifest that was not calibrated, or whose formulas are no sums of symbols with factors of
  /// at least 0.
  explicit Predictor(const Manifest& manifest);

  /// The share of scans, like those of the fit, whose times lie within the band.
  double level() const noexcept { return level_; }
  std::size_t launches() const noexcept { return parts_.size() - 1; }
  /// Symbols in the order of what of_sizes() takes.
  const std::vector<std::string>& symbols() const noexcept { return symbols_; }
  /// Whether of_points() has an answer.
  bool knows_points() const noexcept { return knows_points_; }

  /// Where all sizes are known: [symbols().size()], each at least 0. What makes the maps counts them: sizes_of().
  /// Throws Error (value): another number of them, one below 0 or not finite, a launch that is not there.
  PredictedTime of_sizes(std::span<const double> sizes, std::size_t launch = kRun) const;
  /// The same by name; more names than the symbols are an error too.
  PredictedTime of_sizes(const std::map<std::string, std::int64_t>& sizes,
                         std::size_t launch = kRun) const;
  /// Where the input's voxels alone are known, as from `least` to `most`.
  /// Throws Error (value): a range that is none, a launch that is not there.
  PredictedTime of_voxels(std::int64_t least, std::int64_t most, std::size_t launch = kRun) const;
  /// Where the scan's points alone are known. Throws Error (value): likewise, or knows_points() is false.
  PredictedTime of_points(std::int64_t least, std::int64_t most, std::size_t launch = kRun) const;

 private:
  /// A time as a constant and a factor: of N_in, of the points.
  struct Line {
    double constant = 0, factor = 0;
  };
  struct Part {
    double constant = 0;
    std::vector<double> factors;  // of symbols_
    Line of_voxels, of_points;
    double sizes_band = 0, voxels_band = 0, points_band = 0;
  };
  const Part& part(std::size_t launch) const;
  static PredictedTime of_line(const Line& line, double band, const manifest::Range& valid,
                               std::int64_t least, std::int64_t most);

  double level_ = 0;
  bool knows_points_ = false;
  std::vector<std::string> symbols_;
  std::vector<manifest::Range> valid_;  // of symbols_
  manifest::Range valid_voxels_, valid_points_;
  std::vector<Part> parts_;  // of each launch, then of the run
};

}  // namespace gavotte
