// The version that this library was built as.
#include "gavotte/version.h"

namespace gavotte {

std::string_view version() noexcept { return GAVOTTE_VERSION; }

}  // namespace gavotte
