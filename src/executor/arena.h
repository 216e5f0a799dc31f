// One block of memory for all features of a run: two buffers share bytes where they are never needed at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gavotte/tensor.h"

namespace gavotte::internal {

/// A buffer that is needed from step `first` to step `last`, both included.
struct ArenaBuffer {
  std::int64_t bytes = 0;
  int first = 0, last = 0;
  std::int64_t offset = 0;   ///< Set by place_buffers: a multiple of kArenaAlignment.
  std::int64_t breadth = 0;  ///< Set by place_buffers: the most bytes needed at once while it is.
};

inline constexpr std::int64_t kArenaAlignment = 64;

/// Sets every offset so that buffers that live at once do not overlap; returns the bytes of the arena. Greedy, each at
/// the lowest offset that is free for its whole life: largest first, or those of the broadest step first, which leaves
/// no gaps there, the earlier or the later ones before, whichever takes least. `order` is scratch, kept by the caller so that a repeated call does not
/// allocate. Throws Error (runtime) where the bytes cannot be counted.
std::int64_t place_buffers(std::span<ArenaBuffer> buffers, std::vector<int>& order);

/// Memory that grows only when it is outgrown.
class Arena {
 public:
  /// Memory of that device, for work on that stream.
  explicit Arena(Execution execution = {}) : execution_(execution) {}
  /// At least `bytes`; what it held is lost where it grows. Throws Error (runtime) where memory is short.
  void reserve(std::int64_t bytes);
  void release();  ///< Gives all of it back.
  std::int64_t capacity() const noexcept { return memory_ ? memory_.rows() : 0; }
  TensorView view(std::int64_t offset, DType dtype, Shape shape);
  std::span<std::byte> memory();  ///< All of it.

 private:
  Execution execution_;
  Tensor memory_;  ///< uint8 [capacity]
};

}  // namespace gavotte::internal
