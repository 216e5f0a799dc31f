// The pools of device memory, and the page-locked memory through which sizes come back.
#include "cuda/memory.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "check.h"
#include "cuda/launch.h"
#include "cuda/run_stop.h"

namespace gavotte::internal::cuda {
namespace {

/// Sizes are rounded up to a multiple of this, so that scans of like sizes share blocks.
constexpr std::int64_t kGranularity = 1 << 9;
constexpr std::int64_t kLargeGranularity = 1 << 21;
constexpr std::int64_t kLarge = 1 << 20;

std::int64_t rounded(std::int64_t bytes) {
  const std::int64_t to = bytes < kLarge ? kGranularity : kLargeGranularity;
  return std::max<std::int64_t>(1, (bytes + to - 1) / to) * to;
}

/// Free blocks of one stream by size. A block serves requests down to half of its size.
class Pool {
 public:
  void* take(std::int64_t bytes, std::int64_t& taken_bytes) {
    const std::lock_guard lock(mutex_);
    const auto fits = free_.lower_bound(bytes);
    if (fits == free_.end() || fits->first / 2 > bytes) return nullptr;
    void* block = fits->second;
    taken_bytes = fits->first;
    free_.erase(fits);
    return block;
  }
  void put(void* block, std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    limit_use(block, 0, bytes);
    free_.emplace(bytes, block);
  }
  /// Gives everything back to the device.
  void clear() {
    const std::lock_guard lock(mutex_);
    for (const auto& [bytes, block] : free_) {
      limit_use(block, bytes, bytes);
      free_device(block);
    }
    free_.clear();
  }

 private:
  std::mutex mutex_;
  std::multimap<std::int64_t, void*> free_;
};

struct Pools {
  std::mutex mutex;
  std::map<std::pair<int, StreamHandle>, std::shared_ptr<Pool>> of_stream;
};

/// Never destroyed: tensors with static storage give their memory back after the end of main.
Pools& pools() {
  static Pools* const instance = new Pools;
  return *instance;
}

std::shared_ptr<Pool> pool_of(const Execution& execution) {
  Pools& all = pools();
  const std::lock_guard lock(all.mutex);
  std::shared_ptr<Pool>& pool = all.of_stream[{execution.device.index, execution.stream.handle}];
  if (!pool) pool = std::make_shared<Pool>();
  return pool;
}

/// Where the device is out of memory, what the pools keep is given back once.
void* allocate_or_shrink(std::int64_t bytes) {
  if (void* block = allocate_device(bytes)) return block;
  Pools& all = pools();
  const std::lock_guard lock(all.mutex);
  for (auto& [stream, pool] : all.of_stream) pool->clear();
  return allocate_device(bytes);
}

/// A page-locked block of this thread: copies into it do not stop the host.
class Pinned {
 public:
  ~Pinned() { free_pinned(data_); }
  void* get(std::int64_t bytes) {
    if (bytes > bytes_) {
      free_pinned(std::exchange(data_, nullptr));
      bytes_ = 0;
      data_ = allocate_pinned(rounded(bytes));
      GAVOTTE_CHECK_RUNTIME(data_ != nullptr, "not enough page-locked memory for " +
                                                  std::to_string(bytes) + " bytes");
      bytes_ = rounded(bytes);
    }
    return data_;
  }

 private:
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

thread_local Pinned pinned;
std::atomic<std::int64_t> synchronizations_so_far = 0;

}  // namespace

void wait(const Execution& execution) {
  if (LaunchListener* const listener = launch_listener())
    listener->on_wait(execution.stream.handle);
  if (DeviceStop* const stop = stop_of_thread())
    while (!is_done(execution.stream.handle)) {
      stop->look_at_flag();
      std::this_thread::yield();
    }
  synchronize(execution.stream.handle);
  ++synchronizations_so_far;
}

std::shared_ptr<void> allocate(const Execution& execution, std::int64_t bytes) {
  use_device(execution.device.index);
  const std::shared_ptr<Pool> pool = pool_of(execution);
  std::int64_t taken = rounded(bytes);
  void* block = pool->take(taken, taken);
  if (block == nullptr) {
    GAVOTTE_CHECK_RUNTIME(!is_capturing(execution.stream.handle),
                          "a captured call may not allocate: run it once before the capture");
    block = allocate_or_shrink(taken);
  }
  if (block == nullptr) return nullptr;
  limit_use(block, bytes, taken);
  return {block, [pool, taken](void* memory) { pool->put(memory, taken); }};
}

Tensor make_tensor(const Execution& execution, DType dtype, Shape shape) {
  return Tensor(execution, dtype, shape);
}

Tensor first_rows(const Tensor& whole, std::int64_t rows) {
  const Shape shape = whole.shape().rank() == 2 ? Shape{rows, whole.shape()[1]} : Shape{rows};
  auto owner = std::make_shared<Tensor>(whole);
  void* data = owner->data();
  return Tensor(std::shared_ptr<void>(std::move(owner), data), whole.dtype(), shape,
                whole.device());
}

void read_back(const Execution& execution, void* to, const void* from, std::int64_t bytes) {
  const ReadBack piece{to, from, bytes};
  read_back(execution, std::span(&piece, 1));
}

void read_back(const Execution& execution, std::span<const ReadBack> pieces) {
  DeviceStop* const stop = stop_of_thread();
  if (stop == nullptr) return read_back_unchecked(execution, pieces);
  StopState state{};
  std::vector<ReadBack> all(pieces.begin(), pieces.end());
  all.push_back(stop->state_into(state));
  read_back_unchecked(execution, all);
  stop->check(state);
}

void read_back_unchecked(const Execution& execution, std::span<const ReadBack> pieces) {
  std::int64_t bytes = 0;
  for (const ReadBack& piece : pieces) bytes += piece.bytes;
  if (bytes == 0) return;
  auto* staged = static_cast<std::byte*>(pinned.get(bytes));
  std::byte* next = staged;
  for (const ReadBack& piece : pieces) {
    copy_bytes(execution.stream.handle, next, piece.from, piece.bytes);
    next += piece.bytes;
  }
  wait(execution);
  next = staged;
  for (const ReadBack& piece : pieces) {
    std::memcpy(piece.to, next, static_cast<std::size_t>(piece.bytes));
    next += piece.bytes;
  }
}

void upload(const Execution& execution, void* to, const void* from, std::int64_t bytes) {
  // From pageable memory cudart stages the bytes before it returns.
  copy_bytes(execution.stream.handle, to, from, bytes);
}

std::int64_t synchronizations() noexcept { return synchronizations_so_far; }

}  // namespace gavotte::internal::cuda
