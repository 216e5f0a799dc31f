// The JSON of a device config.
#pragma once

#include <cstddef>

namespace gavotte::internal {

/// Of the file's layout. A file of a later format is refused; there is no earlier one to migrate.
inline constexpr int kConfigFormat = 1;
/// Raised when kernels change so much that what was timed before says nothing of them: a file with another number is
/// refused, and has to be tuned anew.
inline constexpr int kKernelsRevision = 1;
inline constexpr std::size_t kMostConfigBytes = std::size_t{64} << 20;

}  // namespace gavotte::internal
