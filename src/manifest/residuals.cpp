#include "manifest/residuals.h"

#include <algorithm>
#include <cmath>

#include "least_squares.h"

namespace gavotte::internal {

double distance(double predicted, double measured) {
  const double least = std::max(predicted, kLeastUs);
  return std::max(least / measured, measured / least) - 1;
}

double level_of(std::size_t residuals) {
  constexpr double kLevel = 0.9;
  const auto n = static_cast<double>(residuals);
  return std::min(kLevel, n / (n + 1));
}

double band_of(std::vector<double> residuals) {
  std::sort(residuals.begin(), residuals.end());
  const auto n = static_cast<double>(residuals.size());
  constexpr double kRounding = 1e-9;
  const auto rank =
      static_cast<std::size_t>(std::ceil(level_of(residuals.size()) * (n + 1) - kRounding));
  return residuals[std::min(rank, residuals.size()) - 1];
}

Line fit_line(std::span<const double> x, std::span<const double> y,
              std::span<const std::size_t> of) {
  std::vector<std::vector<double>> units;
  std::vector<double> measured;
  for (const std::size_t r : of) {
    units.push_back({1, x[r]});
    measured.push_back(std::max(1.0, y[r]));  // a relative error of nothing is none
  }
  const std::vector<double> constants = fit_relative(units, measured);
  return {constants[0], constants[1]};
}

std::vector<std::size_t> all_but(std::size_t count, std::size_t left_out) {
  std::vector<std::size_t> of;
  for (std::size_t i = 0; i < count; ++i)
    if (i != left_out) of.push_back(i);
  return of;
}

}  // namespace gavotte::internal
