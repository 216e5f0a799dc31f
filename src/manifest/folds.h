// What is left out of a fit together, and the band and level that its residuals give.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace gavotte::internal {

/// Runs that are left out together: each alone, or all of a kind.
struct Folds {
  std::vector<std::size_t> of;  ///< [run]
  std::size_t count = 0;
  bool kinds = false;

  /// Runs of the other folds.
  std::vector<std::size_t> without(std::size_t fold) const;
  /// What the band promises: of alike scans, or of scans of another kind.
  double level() const;
  /// residuals: [run], each of a fit without its fold. Of kinds: the largest of their bands.
  double band(const std::vector<double>& residuals) const;
  std::string how() const;
};

/// kinds: of each run, or none. Throws Error (value) for kinds that calibrate() refuses.
Folds folds_of(std::size_t runs, std::span<const std::string> kinds);

}  // namespace gavotte::internal
