#include "executor/private_pool.h"

#include <algorithm>

namespace gavotte::internal {
namespace {

/// Sizes are rounded up to this: tensors of nearly the same size then share blocks.
constexpr std::int64_t kGranularity = 512;

std::int64_t rounded(std::int64_t bytes) {
  return std::max<std::int64_t>(1, (bytes + kGranularity - 1) / kGranularity) * kGranularity;
}

}  // namespace

void* PrivatePool::allocate(const Execution& execution, std::int64_t bytes) {
  const std::int64_t wanted = rounded(bytes);
  const std::lock_guard lock(mutex_);
  if (const auto fits = free_.lower_bound({wanted, nullptr});
      fits != free_.end() && fits->first == wanted) {
    void* memory = fits->second;
    free_.erase(fits);
    return memory;
  }
  Execution upstream = execution;
  upstream.allocator = nullptr;
  blocks_.emplace_back(upstream, DType::uint8, Shape{wanted});
  bytes_ += wanted;
  return blocks_.back().data();
}

void PrivatePool::free(const Execution&, void* memory, std::int64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    free_.emplace(rounded(bytes), memory);
  } catch (...) {
    // The block stays with blocks_ and goes back with the pool; it is not handed out again.
  }
}

std::int64_t PrivatePool::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace gavotte::internal
