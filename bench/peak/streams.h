// Loops over arrays in memory: what a layer without arithmetic could reach. Copy and triad are
// those of STREAM (McCalpin 1995). All use ordinary loads and stores.
#pragma once

#include <cstdint>

namespace gavotte::peak {

enum class Stream {
  read,   ///< sum of a
  write,  ///< a = s
  copy,   ///< a = b
  triad,  ///< a = b + s * c
};
constexpr Stream kStreams[] = {Stream::read, Stream::write, Stream::copy, Stream::triad};

const char* name_of(Stream stream) noexcept;

/// Bytes that the loop loads and stores for each element. That a cache line is fetched before it is
/// written is not counted, as in STREAM.
int bytes_per_element(Stream stream) noexcept;

/// Runs the loop once over `elements`, a multiple of kStreamStep, of arrays aligned to 64 bytes.
/// Returns the sum that `read` makes, 0 for the others.
float run_stream(Stream stream, float* a, const float* b, const float* c, std::int64_t elements);
constexpr std::int64_t kStreamStep = 256;

}  // namespace gavotte::peak
