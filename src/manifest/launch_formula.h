// The rule that counted a launch's blocks, as a formula of the run's symbols.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "launches.h"

namespace gavotte::internal {

/// symbol: of the rule's extent, as a formula; empty: none is known. units: multiprocessors. "min(ceil(N_1/64)*2,528)";
/// nothing where the rule or its extent is unknown, and for a constant its value.
std::optional<std::string> formula_of(const GridRule& rule, const std::string& symbol,
                                      std::int64_t value, std::int64_t units);

}  // namespace gavotte::internal
