#include "least_squares.h"

#include <Eigen/Dense>
#include <algorithm>
#include <bit>
#include <optional>

namespace gavotte::internal {
namespace {

/// The least squares over the columns of a subset, or nothing where one of the constants is below 0.
std::optional<Eigen::VectorXd> solve(const Eigen::MatrixXd& all, unsigned subset) {
  std::vector<Eigen::Index> columns;
  for (Eigen::Index c = 0; c < all.cols(); ++c)
    if ((subset >> c & 1U) != 0) columns.push_back(c);
  if (static_cast<Eigen::Index>(columns.size()) > all.rows()) return std::nullopt;
  Eigen::MatrixXd some(all.rows(), static_cast<Eigen::Index>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i)
    some.col(static_cast<Eigen::Index>(i)) = all.col(columns[i]);
  const Eigen::VectorXd solution =
      some.colPivHouseholderQr().solve(Eigen::VectorXd::Ones(all.rows()));
  if (!solution.allFinite() || (solution.array() < 0).any()) return std::nullopt;
  Eigen::VectorXd constants = Eigen::VectorXd::Zero(all.cols());
  for (std::size_t i = 0; i < columns.size(); ++i)
    constants[columns[i]] = solution[static_cast<Eigen::Index>(i)];
  return constants;
}

}  // namespace

std::vector<double> fit_relative(const std::vector<std::vector<double>>& units,
                                 std::span<const double> measured) {
  const auto rows = static_cast<Eigen::Index>(units.size());
  const auto columns = static_cast<Eigen::Index>(units.front().size());
  // Predicted / measured, with each column scaled to a length of 1: the units differ by many powers of ten.
  Eigen::MatrixXd ratios(rows, columns);
  for (Eigen::Index row = 0; row < rows; ++row)
    for (Eigen::Index c = 0; c < columns; ++c) {
      const auto i = static_cast<std::size_t>(row);
      ratios(row, c) = units[i][static_cast<std::size_t>(c)] / measured[i];
    }
  Eigen::VectorXd lengths = ratios.colwise().norm();
  for (double& length : lengths)
    if (!(length > 0)) length = 1;
  ratios.array().rowwise() /= lengths.transpose().array();

  constexpr double kSame = 1e-9;  // a further unit has to explain more than rounding
  Eigen::VectorXd best = Eigen::VectorXd::Zero(columns);
  auto least = static_cast<double>(rows);
  std::vector<unsigned> subsets;
  for (unsigned subset = 1; subset < 1U << columns; ++subset) subsets.push_back(subset);
  std::stable_sort(subsets.begin(), subsets.end(),
                   [](unsigned a, unsigned b) { return std::popcount(a) < std::popcount(b); });
  for (const unsigned subset : subsets) {
    const auto constants = solve(ratios, subset);
    if (!constants) continue;
    const double squares = (ratios * *constants).array().operator-(1.0).square().sum();
    if (squares < least - kSame * static_cast<double>(rows)) {
      least = squares;
      best = *constants;
    }
  }
  std::vector<double> constants;
  for (Eigen::Index c = 0; c < columns; ++c) constants.push_back(best[c] / lengths[c]);
  return constants;
}

}  // namespace gavotte::internal
