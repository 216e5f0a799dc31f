// Constants that are not negative, fitted to times of many sizes by their relative errors.
#pragma once

#include <span>
#include <vector>

namespace gavotte::internal {

/// Constants c of at least 0 for which sum over i of (units[i] . c / measured[i] - 1)^2 is the least. Of several such
/// solutions the one with the fewest constants above 0. Exact: every subset of the units is solved, so they are to be few.
/// units: a row for each of `measured`, all of one length, at least one row; measured: above 0.
std::vector<double> fit_relative(const std::vector<std::vector<double>>& units,
                                 std::span<const double> measured);

}  // namespace gavotte::internal
