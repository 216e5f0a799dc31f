// Runs CUDA kernels on the host: each thread of a block is a fiber (fast) or a std::thread (what
// ThreadSanitizer understands); blocks run one after another, in order or shuffled.
//
// What it finds: reads and writes out of bounds and of poisoned shared memory (AddressSanitizer),
// races within a block (ThreadSanitizer on threads), warp operations whose masks disagree, a return
// before a barrier, a barrier that not every thread reaches. src/cuda/device/kernel.h maps the words
// of kernels to this.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>

#include "place.h"

namespace gavotte::emulator {

enum class Engine { fibers, threads };

/// How launches run from now on, in every thread.
struct Options {
#if defined(__SANITIZE_THREAD__)
  Engine engine = Engine::threads;
#else
  Engine engine = Engine::fibers;
#endif
  std::uint64_t block_order_seed = 0;  ///< 0: ascending; else shuffled by it.
  std::int64_t most_blocks =
      -1;  ///< A launch ends after so many blocks, as if it were cut; -1: all run.
  /// fibers: from the last thread to the first, so that a thread that reads before it waits does not
  /// find by luck what a lower one writes.
  bool descending_threads = false;
  /// fibers: not 0: threads start, and go on after each barrier, in an order shuffled by it.
  std::uint64_t thread_order_seed = 0;
  int resident_blocks = 0;  ///< Of a launch on a multiprocessor at a time; 0: as its limits say.
  int registers = 0;    ///< That the runtime says each kernel was compiled to; 0: it says nothing.
  bool execute = true;  ///< False: launches are checked and recorded, and do nothing.
  double watchdog_seconds = 60;  ///< threads: a launch that waits longer is an error.
  /// Device memory from a region that the host cannot touch (device_memory.h). To be set before the
  /// first allocation; blocks on the heap, where the sanitizers watch their ends, are the default.
  bool guard_device_memory = false;
};
Options& options();
/// Back to the defaults: those of the program's flags (flags.h), where it has been given any.
void reset_options();
void set_default_options(const Options& defaults);

struct Shape {
  const char* name = "";
  std::int64_t blocks = 1, blocks_y = 1;
  int threads = 1;
  std::int64_t shared_bytes = 0;
};

/// Runs `body` once for each thread of each block; in a capture (capture.h) keeps a copy of it for later.
/// Throws gavotte::Error naming the kernel where it breaks a rule.
void run(const Shape& shape, const std::function<void()>& body);

// Of the thread that asks, inside run().
int thread_index();
int block_threads();
std::int64_t block_index();
std::int64_t block_index_y();
std::int64_t grid_blocks();
std::int64_t grid_blocks_y();
inline int lane_index() { return thread_index() % 32; }

// The place in the source is a barrier's name where one is left out (mutation.h).
void sync_block(const Place& at = Place::current());
void sync_warp(unsigned mask, const Place& at = Place::current());
bool any_of_block(bool vote);

/// Shared memory of the block; an error where the launch gave less than `bytes`.
void* shared_memory(std::size_t bytes);

inline constexpr std::size_t kSlotBytes = 64;

/// Every thread of `mask` puts in `bytes` bytes; then each gets the 32 slots of kSlotBytes each.
/// They stay valid until this thread's next warp operation.
const unsigned char* exchange_bytes(unsigned mask, const void* value, std::size_t bytes);

/// The slots of a warp as values: result[lane] is what `lane` put in.
template <class T>
class Slots {
 public:
  explicit Slots(const unsigned char* slots) : slots_(slots) {}
  T operator[](int lane) const {
    T value;
    std::memcpy(&value, slots_ + static_cast<std::size_t>(lane) * kSlotBytes, sizeof(T));
    return value;
  }

 private:
  const unsigned char* slots_;
};

template <class T>
Slots<T> exchange_all(unsigned mask, const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kSlotBytes);
  return Slots<T>(exchange_bytes(mask, &value, sizeof(T)));
}

void check_lane(unsigned mask, int lane);

/// The value that `lane` put in; a lane outside the mask is an error.
template <class T>
T exchange(unsigned mask, T value, int lane) {
  check_lane(mask, lane);
  return exchange_all(mask, value)[lane];
}

unsigned ballot(unsigned mask, bool vote);

template <class T>
T atomic_add(T* at, T value) {
  return std::atomic_ref<T>(*at).fetch_add(value, std::memory_order_relaxed);
}
template <class T>
T atomic_min(T* at, T value) {
  std::atomic_ref<T> target(*at);
  T old = target.load(std::memory_order_relaxed);
  while (value < old && !target.compare_exchange_weak(old, value, std::memory_order_relaxed)) {
  }
  return old;
}
template <class T>
T atomic_max(T* at, T value) {
  std::atomic_ref<T> target(*at);
  T old = target.load(std::memory_order_relaxed);
  while (old < value && !target.compare_exchange_weak(old, value, std::memory_order_relaxed)) {
  }
  return old;
}
template <class T>
T atomic_or(T* at, T value) {
  return std::atomic_ref<T>(*at).fetch_or(value, std::memory_order_relaxed);
}
template <class T>
T load_relaxed(const T* at) {
  return std::atomic_ref<T>(*const_cast<T*>(at)).load(std::memory_order_relaxed);
}
inline void fence_device() { std::atomic_thread_fence(std::memory_order_seq_cst); }

// cp.async: what a thread copies becomes visible to it only at its wait.
void copy_async(void* shared, const void* global, std::size_t bytes, std::size_t zero_from);
void copy_async_commit();
/// Waits until at most `pending` of this thread's groups are on their way.
void copy_async_wait(int pending, const Place& at = Place::current());

}  // namespace gavotte::emulator
