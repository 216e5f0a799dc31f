// How long a network's run will take on a device where it has not been run: from its plan and what is known of the device.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gavotte/device_config.h"
#include "gavotte/network.h"

namespace gavotte {

/// What a time is estimated from: what was timed of single layers (a device config), or what the maker of a device says.
enum class EstimateSource { cost_model, roofline };
GAVOTTE_API std::string_view name(EstimateSource source) noexcept;

struct EstimateOptions {
  DType dtype = DType::float32;  ///< Of features and weights.
  int threads = 0;  ///< A CPU's budget; 0: one for each core of the device. A GPU has none: 0 or 1.
  /// Sizes of at least 3 scans like those to come, as sizes_of() (gavotte/predict.h) counts them, with "points" or without;
  /// what other scans' sizes follow from. None: from ratios of procedural scenes, which are wide (docs/predict.md).
  std::vector<std::map<std::string, std::int64_t>> scans = {};
};

/// A time that nobody measured.
struct EstimatedTime {
  std::string layer;  ///< As in the network; empty for the run, its input and its result.
  std::string op;     ///< "run", "input", "map", a step's, "return".
  double us = 0;      ///< Microseconds; of a range of counts, at its middle.
  /// high_us is infinity where nobody knows; of a range of counts, of all of it.
  double low_us = 0, high_us = 0;
  std::string how;  ///< Where the time and its band are from.
  friend bool operator==(const EstimatedTime&, const EstimatedTime&) = default;
};

struct EstimatedRun {
  EstimatedTime run;
  std::vector<EstimatedTime>
      parts;  ///< The input, each map, each step; on a CPU the result's return.
  friend bool operator==(const EstimatedRun&, const EstimatedRun&) = default;
};

/// Estimates from a plan; runs nothing. A value: copies share, many threads may ask one at once.
class GAVOTTE_API Estimator {
 public:
  /// By the config's cost model, for the device that it was tuned on, as if the run had that config. A part's band is that of
  /// nine tuned entries in ten. Throws Error: (type) no floating-point dtype; (value) threads, or scans whose sizes are not
  /// the network's; a cost model that does not know a layer.
  static Estimator of_config(const Network& network, const DeviceConfig& config,
                             const EstimateOptions& options = {});
  /// By the peaks of a GPU that a file describes (docs/manifest.md): products, bytes and launches. Nothing in it is
  /// calibrated, so no bound above is known. Throws Error: as of_config(); (value) a broken file, peaks that it does not say.
  static Estimator of_description(const Network& network, const std::string& path,
                                  const EstimateOptions& options = {});

  EstimateSource source() const noexcept;
  const std::string& device() const noexcept;  ///< Its name.
  const std::string& sizes_from()
      const noexcept;  ///< What sizes follow from where not all are known.
  /// Of of_sizes(): rows of coordinate sets, entries of the batch, pairs of maps.
  const std::vector<std::string>& symbols() const noexcept;

  /// Where all sizes are known: each of symbols(), and "points" or not. Throws Error (value): others, or below 0.
  EstimatedRun of_sizes(const std::map<std::string, std::int64_t>& sizes) const;
  /// Where the input's voxels alone are known, as from `least` to `most`. Throws Error (value): a range that is none, or
  /// counts above 2^40.
  EstimatedRun of_voxels(std::int64_t least, std::int64_t most) const;
  /// Where the scan's points alone are known. Throws Error (value): likewise; the options' scans do not tell theirs.
  EstimatedRun of_points(std::int64_t least, std::int64_t most) const;

 private:
  struct Impl;
  explicit Estimator(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace gavotte
