// Sizes as formulas of a run's symbols: "N_1*64*4".
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gavotte/manifest.h"

namespace gavotte::internal {

using Symbols = std::map<std::string, manifest::Count>;

/// The value of a formula: numbers, symbols, + - * /, parentheses, min(a, b), max(a, b), ceil(a), floor(a); whole numbers below 2^53 are exact. Throws Error
/// (value) for a text that is no formula, a symbol that is not there and a value that is not finite.
double evaluate(std::string_view formula, const Symbols& symbols, const std::string& where);
/// The same for a formula of bytes or rows: a whole number in [0, 2^52].
std::int64_t evaluate_count(std::string_view formula, const Symbols& symbols,
                            const std::string& where);

/// A constant and a factor for each of a list of symbols.
struct LinearForm {
  double constant = 0;
  std::vector<double> of;
  void add(const LinearForm& other, double factor = 1);  ///< Of the same symbols.
  void scale(double factor);
  /// A formula with seven digits of each number that is not 0.
  std::string to_string(std::span<const std::string> names) const;
};

/// A formula as such, of symbols among `names`. Throws Error (value): as evaluate(), or a product or quotient of symbols.
LinearForm linear_form(std::string_view formula, std::span<const std::string> names,
                       const std::string& where);

}  // namespace gavotte::internal
