// What a manifest promises beyond its schema.
#pragma once

#include <string>

#include "gavotte/manifest.h"

namespace gavotte::internal {

/// Throws Error (value): keys and names that occur twice, segments outside of their buffers, formulas that do not give
/// the numbers beside them, later or unknown launches among dependencies, restart groups that are torn apart.
void check_consistency(const Manifest& manifest, const std::string& what);

}  // namespace gavotte::internal
