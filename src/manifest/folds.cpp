#include "manifest/folds.h"

#include <algorithm>

#include "check.h"
#include "manifest/residuals.h"

namespace gavotte::internal {
namespace {

constexpr std::size_t kFewestScans = 3;

std::vector<double> within(const Folds& folds, std::size_t fold,
                           const std::vector<double>& values) {
  std::vector<double> some;
  for (std::size_t r = 0; r < folds.of.size(); ++r)
    if (folds.of[r] == fold) some.push_back(values[r]);
  return some;
}

}  // namespace

std::vector<std::size_t> Folds::without(std::size_t fold) const {
  std::vector<std::size_t> runs;
  for (std::size_t r = 0; r < of.size(); ++r)
    if (of[r] != fold) runs.push_back(r);
  return runs;
}

/// A scan of a new kind lies within the largest band of k kinds unless its own kind's is larger still, which is one chance
/// in k + 1 where kinds are alike.
double Folds::level() const {
  if (!kinds) return level_of(of.size());
  double least = 1;
  for (std::size_t fold = 0; fold < count; ++fold)
    least = std::min(least, level_of(of.size() - without(fold).size()));
  const auto k = static_cast<double>(count);
  return least * k / (k + 1);
}

double Folds::band(const std::vector<double>& residuals) const {
  if (!kinds) return band_of(residuals);
  double most = 0;
  for (std::size_t fold = 0; fold < count; ++fold)
    most = std::max(most, band_of(within(*this, fold, residuals)));
  return most;
}

std::string Folds::how() const {
  const std::string scans = std::to_string(of.size()) + " scans, ";
  return kinds ? scans + "each of " + std::to_string(count) +
                     " kinds left out of the fit in turn; the band of the kind that is furthest off"
               : scans + "each left out of the fit in turn";
}

Folds folds_of(std::size_t runs, std::span<const std::string> kinds) {
  Folds folds;
  if (kinds.empty()) {
    folds.of = all_but(runs, runs);
    folds.count = runs;
    return folds;
  }
  GAVOTTE_CHECK(kinds.size() == runs, "calibrate() expects a kind for each of " +
                                          std::to_string(runs) + " scans, got " +
                                          std::to_string(kinds.size()));
  folds.kinds = true;
  std::vector<std::string> names;
  for (const std::string& kind : kinds) {
    const auto found = std::find(names.begin(), names.end(), kind);
    folds.of.push_back(static_cast<std::size_t>(found - names.begin()));
    if (found == names.end()) names.push_back(kind);
  }
  folds.count = names.size();
  GAVOTTE_CHECK(folds.count >= 2,
                "calibrate() expects scans of at least 2 kinds, got '" + names.front() + "' alone");
  for (std::size_t fold = 0; fold < folds.count; ++fold)
    GAVOTTE_CHECK(folds.without(fold).size() >= kFewestScans,
                  "calibrate() expects at least 3 scans without those of the kind '" + names[fold] +
                      "', got " + std::to_string(folds.without(fold).size()));
  return folds;
}

}  // namespace gavotte::internal
