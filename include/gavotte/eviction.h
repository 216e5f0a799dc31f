// Makes room for urgent work: a flag that a run reads at its tile boundaries, and a budget for one run.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

#include "gavotte/export.h"

namespace gavotte {

/// Asks the runs that read it (RunOptions::evict) to stop at their next tile boundary. It stays set until clear(); one
/// flag may be read by many runs, on the CPU and on GPUs. Any thread may call any member at any time. All its loads and stores are relaxed: the
/// flag orders no other memory. What a stopped run has written is seen by who sees its return, through a future or a
/// join; no thread of the run goes on after that.
class GAVOTTE_API EvictionFlag {
 public:
  EvictionFlag() = default;
  EvictionFlag(const EvictionFlag&) = delete;
  EvictionFlag& operator=(const EvictionFlag&) = delete;

  void set() noexcept { left_.store(0, std::memory_order_relaxed); }
  void clear() noexcept { left_.store(kNever, std::memory_order_relaxed); }
  bool is_set() const noexcept { return boundaries_left() <= 0; }
  /// Set once runs have passed so many tile boundaries: cuts a run at a certain point, the same each time on one
  /// thread, to test what comes of it. A run on a GPU takes over the number when it begins, and its blocks count it down
  /// as they come. Throws Error (value) below 0.
  void set_after(std::int64_t boundaries);
  /// That runs may still pass; the largest number where nothing counts.
  std::int64_t boundaries_left() const noexcept { return left_.load(std::memory_order_relaxed); }

  /// What a run on a GPU, whose kernels count for themselves, tells of the boundaries that it has passed.
  void pass(std::int64_t boundaries) noexcept {
    std::int64_t left = boundaries_left();
    while (left > 0 && left != kNever)
      if (left_.compare_exchange_weak(left, left > boundaries ? left - boundaries : 0,
                                      std::memory_order_relaxed))
        return;
  }

  /// What a run asks at a tile boundary: true where it is to stop. One load, but after set_after().
  bool stops_here() noexcept {
    std::int64_t left = boundaries_left();
    while (left > 0 && left != kNever)
      if (left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return false;
    return left <= 0;
  }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::atomic<std::int64_t> left_{kNever};
};

/// Of one call of Executor::run() or resume().
struct RunOptions {
  EvictionFlag* evict =
      nullptr;  ///< Null: the run goes to its end. Must stay until the call returns.
  std::optional<int> threads =
      {};  ///< As Execution::threads; without a value those of the Executor. On the CPU.
  std::optional<int> multiprocessors =
      {};  ///< As ExecutorOptions::multiprocessors; without a value those. On a GPU.
};

}  // namespace gavotte
