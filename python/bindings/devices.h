// Devices by name, as Python gives them.
#pragma once

#include <string>

#include "gavotte/device.h"

namespace gavotte::python {

/// "cpu", "cuda", "cuda:1", or "best". Throws Error (value) for another name.
Device device_from_name(const std::string& name);

}  // namespace gavotte::python
