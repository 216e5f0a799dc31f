// How far predictions are off, and the band that follows.
#pragma once

#include <span>
#include <vector>

namespace gavotte::internal {

inline constexpr double kLeastUs = 0.1;  ///< A shorter time is within the clock's ticks.

/// How far a time is from a predicted one, either way: 0.1 for 1.1 times as long or as short.
double distance(double predicted, double measured);
/// min(0.9, n / (n + 1)): what n residuals can promise.
double level_of(std::size_t residuals);
/// The least band that the next of n + 1 alike residuals lies within at level_of(n); n at least 1.
double band_of(std::vector<double> residuals);

/// y as a constant and a factor of x, neither below 0.
struct Line {
  double constant = 0, factor = 0;
  double at(double x) const { return constant + factor * x; }
};
/// By least squares of relative errors over the samples `of`.
Line fit_line(std::span<const double> x, std::span<const double> y,
              std::span<const std::size_t> of);
/// 0 to count - 1 without `left_out`.
std::vector<std::size_t> all_but(std::size_t count, std::size_t left_out);

}  // namespace gavotte::internal
