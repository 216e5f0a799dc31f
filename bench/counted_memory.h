// Every operator new of the benchmark and the library in it, counted. (What OpenMP and libxsmm take is not seen.)
#pragma once

#include <cstdint>

namespace gavotte::bench {

/// Bytes that are held now.
std::int64_t held_bytes() noexcept;
/// The most that were held since the last call of restart_most(), at first since the start.
std::int64_t most_bytes() noexcept;
void restart_most() noexcept;

}  // namespace gavotte::bench
