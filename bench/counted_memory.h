// Every operator new of the program and the library in it, counted. (What OpenMP and libxsmm take for their threads and
// code is not seen.)
#pragma once

#include <atomic>
#include <cstdint>

namespace gavotte {

/// All may be set anew, but for held_bytes.
struct CountedMemory {
  std::atomic<std::int64_t> held_bytes{0};
  std::atomic<std::int64_t> most_bytes{0};   ///< That were held at once.
  std::atomic<std::int64_t> blocks{0};       ///< Taken for tensors and scratch: large and aligned.
  std::atomic<std::int64_t> other_bytes{0};  ///< Taken otherwise: by std::vector and its like.
  std::atomic<std::int64_t> largest_other_bytes{0};
};

CountedMemory& counted_memory() noexcept;

}  // namespace gavotte
