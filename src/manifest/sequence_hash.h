// What tells two sequences of launches apart.
#pragma once

#include <string>

#include "gavotte/manifest.h"

namespace gavotte::internal {

/// 16 hexadecimal digits: FNV-1a over dtype, buffers, operations, kernel keys, order, shapes and formulas; over nothing
/// that a scan's size changes.
std::string sequence_hash(const Manifest& manifest);

}  // namespace gavotte::internal
