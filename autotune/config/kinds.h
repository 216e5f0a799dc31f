// Calls as a config names them.
#pragma once

#include "gavotte/device_config.h"

namespace gavotte::internal {

MapKind map_kind(const ConvSpec& spec, int dims, const Execution& execution);

}  // namespace gavotte::internal
