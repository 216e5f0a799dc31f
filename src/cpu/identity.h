// Which CPU this is.
#pragma once

#include <cstdint>

#include "gavotte/device_config.h"

namespace gavotte::internal::cpu {

DeviceIdentity identity();

/// Of the first core; 0 where the system does not tell.
std::int64_t second_level_cache_bytes();

}  // namespace gavotte::internal::cpu
