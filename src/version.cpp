// The version and the sources that this library was built as.
#include "gavotte/version.h"

#include "build_commit.h"

namespace gavotte {

std::string_view version() noexcept { return GAVOTTE_VERSION; }

std::string_view internal::build_commit() noexcept { return GAVOTTE_COMMIT; }

}  // namespace gavotte
