#include "memory.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <new>
#include <string>

#include "check.h"

namespace gavotte::internal::cpu {

namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::int64_t kSmallBlock = 128
                                     << 10;  // below, the system's allocator keeps memory by itself
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kKept = 0;  // so that a use after the end of a tensor is seen
#else
constexpr std::size_t kKept = 48;
#endif

/// Free blocks by ascending size. A block serves requests down to half of its size.
class FreeBlocks {
 public:
  Block take(std::int64_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    Block* const end = blocks_.data() + count_;
    Block* const fits = std::lower_bound(blocks_.data(), end, bytes, smaller);
    if (fits == end || fits->bytes / 2 > bytes) return {};
    const Block block = *fits;
    std::copy(fits + 1, end, fits);
    --count_;
    return block;
  }

  /// The block that finds no place: the smallest where all places are taken.
  Block put(Block block) noexcept {
    if (kKept == 0) return block;
    const std::lock_guard lock(mutex_);
    Block evicted;
    if (count_ == blocks_.size()) {
      if (block.bytes <= blocks_.front().bytes) return block;
      evicted = blocks_.front();
      std::copy(blocks_.data() + 1, blocks_.data() + count_, blocks_.data());
      --count_;
    }
    Block* const end = blocks_.data() + count_;
    Block* const place = std::lower_bound(blocks_.data(), end, block.bytes, smaller);
    std::copy_backward(place, end, end + 1);
    *place = block;
    ++count_;
    return evicted;
  }

 private:
  static bool smaller(const Block& block, std::int64_t bytes) { return block.bytes < bytes; }
  std::mutex mutex_;
  std::array<Block, std::max<std::size_t>(kKept, 1)> blocks_;
  std::size_t count_ = 0;
};

/// Never destroyed: tensors with static storage give their memory back after the end of main.
FreeBlocks& free_blocks() {
  static FreeBlocks* const blocks = new FreeBlocks;
  return *blocks;
}

}  // namespace

Block try_take_block(std::int64_t bytes) noexcept {
  bytes = std::max<std::int64_t>(bytes, 1);
  if (bytes >= kSmallBlock) {
    if (const Block kept = free_blocks().take(bytes); kept.data != nullptr) return kept;
  }
  void* data = ::operator new(static_cast<std::size_t>(bytes), kAlignment, std::nothrow);
  return data != nullptr ? Block{data, bytes} : Block{};
}

Block take_block(std::int64_t bytes) {
  const Block block = try_take_block(bytes);
  GAVOTTE_CHECK_RUNTIME(block.data != nullptr,
                        "not enough memory for " + std::to_string(bytes) + " bytes of scratch");
  return block;
}

void give_back(Block block) noexcept {
  if (block.bytes >= kSmallBlock) block = free_blocks().put(block);
  if (block.data != nullptr) ::operator delete(block.data, kAlignment);
}

std::shared_ptr<void> allocate(std::int64_t bytes) {
  // An empty tensor owns an address too, so that "has storage" and "has elements" stay two
  // questions.
  const Block block = try_take_block(bytes);
  if (block.data == nullptr) return nullptr;
  return {block.data, [block](void*) { give_back(block); }};
}

}  // namespace gavotte::internal::cpu
