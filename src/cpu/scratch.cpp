#include "scratch.h"

#include <algorithm>
#include <string>

#include "check.h"

namespace gavotte::internal::cpu {

ScratchBlock ScratchPool::take(std::int64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    // The smallest block that is large enough; none: the largest is freed and replaced.
    const auto fits = std::lower_bound(
        free_.begin(), free_.end(), bytes,
        [](const ScratchBlock& block, std::int64_t size) { return block.bytes < size; });
    if (fits != free_.end()) {
      ScratchBlock block = std::move(*fits);
      free_.erase(fits);
      return block;
    }
    if (!free_.empty()) free_.pop_back();
  }
  try {
    return {std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes)), bytes};
  } catch (const std::bad_alloc&) {
    throw_error(ErrorKind::runtime,
                "out of memory: " + std::to_string(bytes) + " bytes of scratch memory", __FILE__,
                __LINE__);
  }
}

void ScratchPool::give_back(ScratchBlock block) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    const auto place = std::lower_bound(
        free_.begin(), free_.end(), block.bytes,
        [](const ScratchBlock& other, std::int64_t size) { return other.bytes < size; });
    free_.insert(place, std::move(block));
    if (free_.size() > kKept) free_.erase(free_.begin());
  } catch (const std::bad_alloc&) {
    return;  // the block is freed instead of kept
  }
}

void ScratchPool::trim() {
  const std::lock_guard lock(mutex_);
  free_.clear();
}

ScratchPool& scratch_pool() {
  static ScratchPool pool;
  return pool;
}

}  // namespace gavotte::internal::cpu
