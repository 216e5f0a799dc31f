// How work on the CPU ends at a tile boundary: a flag for all that a thread calls in a scope, asked before each task of
// parallel_for() and between the tiles of one. What it ends unwinds as it does where memory is short.
#pragma once

#include "gavotte/eviction.h"

namespace gavotte::internal::cpu {

/// Thrown at a tile boundary, for the Executor to catch. No std::exception: nothing is wrong, and nobody else is to
/// handle it.
struct Stopped {};

/// Lets `flag`, which may be null, end what this thread calls until the end of the scope. A scope inside of another
/// hides it.
class StopScope {
 public:
  explicit StopScope(EvictionFlag* flag) noexcept;
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

  /// Of this thread's innermost scope; null where nothing is to end. A task on another thread is told by who started it.
  static EvictionFlag* flag_of_this_thread() noexcept;

 private:
  EvictionFlag* outer_;
};

/// Throws Stopped where the flag is set.
inline void tile_boundary(EvictionFlag* flag) {
  if (flag != nullptr && flag->stops_here()) throw Stopped{};
}

}  // namespace gavotte::internal::cpu
