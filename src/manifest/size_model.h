// The sizes of a scan's coordinate sets and maps where its voxels or points alone are known.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "executor/plan.h"

namespace gavotte::internal {

struct Sizes {
  std::vector<double> rows, pairs;  ///< Of each coordinate set, of each map.
  double batch = 1;
};

using NamedSizes = std::map<std::string, std::int64_t>;

class SizeModel {
 public:
  enum class Bound { least, typical, most };

  /// By ratios of procedural scenes. Throws Error (value) for a network whose sizes they do not say.
  explicit SizeModel(const Plan& plan);
  /// By lines through the sizes of at least 3 scans. Throws Error (value): fewer, or sizes of another network.
  SizeModel(const Plan& plan, std::span<const NamedSizes> scans);

  const std::string& source() const noexcept { return source_; }
  const std::vector<std::string>& symbols() const noexcept { return symbols_; }
  Sizes of_voxels(double voxels, Bound bound) const;
  /// Throws Error (value) where the scans did not tell their points.
  double voxels_of(double points, Bound bound) const;
  /// Throws Error (value): a symbol that is missing, unknown or below 0.
  Sizes of_names(const NamedSizes& sizes) const;

 private:
  /// Times as many or as few.
  struct Law {
    double constant = 0, factor = 0, band = 0;
    double at(double x, Bound bound) const;
  };
  Sizes by_ratios(double voxels, Bound bound) const;

  const Plan plan_;
  std::vector<std::string> symbols_;
  std::string source_;
  bool knows_points_ = true;
  std::map<std::string, Law> laws_;  ///< Of N_in; N_in of points. Empty: by ratios.
};

}  // namespace gavotte::internal
