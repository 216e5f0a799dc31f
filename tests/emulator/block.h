// One block while it runs: what its threads share, and how each of them waits.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "emulator.h"
#include "function_ref.h"

namespace gavotte::emulator {

/// Threads that meet: the last one to arrive opens the gate for all.
struct Gate {
  int arrived = 0;
  std::uint64_t generation = 0;
  std::condition_variable opened;  ///< Of std::threads: each gate wakes its own.
};

/// Where the lanes of one mask meet and what they put in; the arrays take turns, so that a fast lane
/// does not overwrite what a slow one still reads.
struct WarpGate : Gate {
  unsigned mask = 0;
  alignas(16) std::array<std::array<unsigned char, 32 * kSlotBytes>, 2> slots = {};
};

struct AsyncCopy {
  void* to;
  const void* from;
  std::size_t bytes, zero_from;
};

class Block;

struct Thread {
  Block* block = nullptr;
  int index = 0;
  // Vectors: unlike a deque an empty one takes no memory, and most threads copy nothing.
  std::vector<AsyncCopy> open;                 ///< Not committed.
  std::vector<std::vector<AsyncCopy>> groups;  ///< Committed, oldest first.
};

class Block {
 public:
  Block(const Shape& shape, std::int64_t x, std::int64_t y);
  virtual ~Block() = default;

  const Shape& shape;
  const std::int64_t x, y;
  std::vector<std::list<WarpGate>> warps;  ///< Gates of each warp; a list keeps their addresses.
  Gate barrier;
  bool any = false;  ///< Of the votes at the barrier.

  /// Calls `arrive` and counts this thread at the gate, both with no other thread between; then waits
  /// until `wanted` threads are there.
  virtual void meet(Gate& gate, int wanted, const char* operation, FunctionRef<void()> arrive) = 0;
  /// Runs `body` with no other thread in meet() or locked().
  virtual void locked(FunctionRef<void()> body) = 0;

  unsigned char* shared() noexcept { return shared_.get(); }
  /// Throws Error (runtime) that names the kernel, the block and the rule it broke.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  struct Free {
    void operator()(unsigned char* memory) const noexcept {
      ::operator delete(memory, std::align_val_t(128));
    }
  };
  std::unique_ptr<unsigned char, Free> shared_;
};

/// The thread that runs now; an Error outside run().
Thread& current();
void set_current(Thread* thread) noexcept;
/// Memory that a thread leaves behind is an error: every cp.async is waited for.
void check_end(const Thread& thread);

/// Run a block's threads, each engine in its way.
void run_on_fibers(const Shape& shape, std::int64_t x, std::int64_t y,
                   const std::function<void()>& body);
void run_on_threads(const Shape& shape, std::int64_t x, std::int64_t y,
                    const std::function<void()>& body);

}  // namespace gavotte::emulator
