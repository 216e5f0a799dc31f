// The version of this library: the build and the wheel read it from here.
#pragma once

#include <string_view>

#include "gavotte/export.h"

#define GAVOTTE_VERSION_MAJOR 0
#define GAVOTTE_VERSION_MINOR 1
#define GAVOTTE_VERSION_PATCH 0
#define GAVOTTE_VERSION "0.1.0"

namespace gavotte {

/// Version of the library that is running, "0.1.0"; GAVOTTE_VERSION is that of the headers.
GAVOTTE_API std::string_view version() noexcept;

}  // namespace gavotte
