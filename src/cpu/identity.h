// Which CPU this is.
#pragma once

#include "gavotte/device_config.h"

namespace gavotte::internal::cpu {

DeviceIdentity identity();

}  // namespace gavotte::internal::cpu
