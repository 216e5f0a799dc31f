// Calls as a config names them.
#pragma once

#include "gavotte/device_config.h"

namespace gavotte::internal {

/// Threads of a kind: the call's budget on the CPU, 1 on a GPU.
int kind_threads(const Execution& execution);
MapKind map_kind(const ConvSpec& spec, int dims, const Execution& execution);

}  // namespace gavotte::internal
