// Which sources this library was built from.
#pragma once

#include <string_view>

namespace gavotte::internal {

/// As git described the checkout when the build was configured, "-dirty" behind it where it had changes; empty where the
/// sources lay in none.
std::string_view build_commit() noexcept;

}  // namespace gavotte::internal
