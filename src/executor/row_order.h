// A run on the CPU works on rows in key order: neighbours in space then lie near each other in
// memory, so a tile of a convolution finds its inputs in cache, and maps need no permutation of rows.
// The input's rows are brought into key order once, the output's back into the caller's.
#pragma once

#include "backend.h"

namespace gavotte::internal {

/// The same coordinates with rows in key order. The set itself where they are, and on other devices
/// than the CPU, whose kernels stage rows by themselves.
Coordinates in_key_order(Backend& backend, const Execution& execution, const Coordinates& set);

}  // namespace gavotte::internal
