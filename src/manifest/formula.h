// Sizes as formulas of a run's symbols: "N_1*64*4".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "gavotte/manifest.h"

namespace gavotte::internal {

using Symbols = std::map<std::string, manifest::Count>;

/// The value of a formula: numbers, symbols, + - * / and parentheses; whole numbers below 2^53 are exact. Throws Error
/// (value) for a text that is no formula, a symbol that is not there and a value that is not finite.
double evaluate(std::string_view formula, const Symbols& symbols, const std::string& where);
/// The same for a formula of bytes or rows: a whole number in [0, 2^52].
std::int64_t evaluate_count(std::string_view formula, const Symbols& symbols,
                            const std::string& where);

}  // namespace gavotte::internal
