#include "memory.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <new>
#include <string>

#include "check.h"
#include "kept_memory.h"

namespace gavotte::internal::cpu {

namespace {

constexpr std::align_val_t kCacheLine{64};
// From this size on, memory is asked for in huge pages, of which Linux gives those that lie wholly in
// a block: rows that are read in no order then miss fewer translations of addresses (EPYC with
// AVX-512, 2026-11-22, 256 channels on lidar_10: 1.05 of the rate; 64 and 128: no difference).
constexpr std::int64_t kHugeBlock = 4 << 20;
constexpr std::align_val_t kHugePage{2 << 20};
constexpr std::int64_t kSmallBlock = 4 << 10;  // below, the system's allocator is as good
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kKept = 0;  // so that a use after the end of a tensor is seen
#else
constexpr std::size_t kKept = 128;
#endif
/// A block that this many requests have not fitted goes back to the system, so that what a model's
/// loading or an unusually large scan took is not kept for ever. Steady work asks for each of its
/// blocks much sooner: a run of SparseResUNet42 makes about 70 requests.
constexpr std::uint64_t kStale = 2048;

/// Free blocks by ascending size. A block serves requests down to half of its size.
class FreeBlocks {
 public:
  Block take(std::int64_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    ++requests_;
    Kept* const end = blocks_.data() + count_;
    Kept* const fits = std::lower_bound(blocks_.data(), end, bytes, smaller);
    if (fits == end || fits->block.bytes / 2 > bytes) return {};
    return remove(fits);
  }

  /// The largest block; null where there is none.
  Block take_largest() noexcept {
    const std::lock_guard lock(mutex_);
    return count_ > 0 ? remove(blocks_.data() + count_ - 1) : Block{};
  }

  /// The block that goes back to the system: one that has become stale, or the smallest where all
  /// places are taken.
  Block put(Block block) noexcept {
    if (kKept == 0) return block;
    const std::lock_guard lock(mutex_);
    Block evicted;
    if (Kept* const stale = longest_kept(); stale != nullptr && requests_ - stale->since > kStale) {
      evicted = remove(stale);
    } else if (count_ == blocks_.size()) {
      if (block.bytes <= blocks_.front().block.bytes) return block;
      evicted = remove(blocks_.data());
    }
    Kept* const end = blocks_.data() + count_;
    Kept* const place = std::lower_bound(blocks_.data(), end, block.bytes, smaller);
    std::copy_backward(place, end, end + 1);
    *place = {block, requests_};
    ++count_;
    return evicted;
  }

 private:
  struct Kept {
    Block block;
    std::uint64_t since = 0;  ///< Requests that had been made when it came.
  };
  static bool smaller(const Kept& kept, std::int64_t bytes) { return kept.block.bytes < bytes; }
  static bool earlier(const Kept& a, const Kept& b) { return a.since < b.since; }
  Kept* longest_kept() {
    Kept* const end = blocks_.data() + count_;
    Kept* const found = std::min_element(blocks_.data(), end, earlier);
    return found != end ? found : nullptr;
  }
  Block remove(Kept* place) {
    const Block block = place->block;
    std::copy(place + 1, blocks_.data() + count_, place);
    --count_;
    return block;
  }
  std::mutex mutex_;
  std::array<Kept, std::max<std::size_t>(kKept, 1)> blocks_;
  std::size_t count_ = 0;
  std::uint64_t requests_ = 0;
};

/// Never destroyed: tensors with static storage give their memory back after the end of main.
FreeBlocks& free_blocks() {
  static FreeBlocks* const blocks = new FreeBlocks;
  return *blocks;
}

std::align_val_t alignment_of(std::int64_t bytes) {
  return bytes >= kHugeBlock ? kHugePage : kCacheLine;
}

Block from_system(std::int64_t bytes) noexcept {
  const auto size = static_cast<std::size_t>(bytes);
  void* data = ::operator new(size, alignment_of(bytes), std::nothrow);
  if (data == nullptr) return {};
#ifdef __linux__
  if (bytes >= kHugeBlock) madvise(data, size, MADV_HUGEPAGE);  // a wish: it may be refused
#endif
  return {data, bytes};
}

void check_taken(Block block, std::int64_t bytes) {
  GAVOTTE_CHECK_RUNTIME(block.data != nullptr,
                        "not enough memory for " + std::to_string(bytes) + " bytes of scratch");
}

void to_system(Block block) noexcept {
  if (block.data != nullptr) ::operator delete(block.data, alignment_of(block.bytes));
}

}  // namespace

Block try_take_block(std::int64_t bytes) noexcept {
  bytes = std::max<std::int64_t>(bytes, 1);
  if (bytes >= kSmallBlock) {
    if (const Block kept = free_blocks().take(bytes); kept.data != nullptr) return kept;
  }
  return from_system(bytes);
}

Block take_block(std::int64_t bytes) {
  const Block block = try_take_block(bytes);
  check_taken(block, bytes);
  return block;
}

void give_back(Block block) noexcept {
  if (block.bytes >= kSmallBlock) block = free_blocks().put(block);
  to_system(block);
}

std::shared_ptr<void> allocate_lasting(std::int64_t bytes) {
  const Block block = from_system(std::max<std::int64_t>(bytes, 1));
  check_taken(block, bytes);
  return {block.data, [block](void*) { give_back(block); }};
}

void release_kept_memory() noexcept {
  for (Block block = free_blocks().take_largest(); block.data != nullptr;
       block = free_blocks().take_largest())
    to_system(block);
}

std::shared_ptr<void> allocate(std::int64_t bytes) {
  // An empty tensor owns an address too, so that "has storage" and "has elements" stay two
  // questions.
  const Block block = try_take_block(bytes);
  if (block.data == nullptr) return nullptr;
  return {block.data, [block](void*) { give_back(block); }};
}

}  // namespace gavotte::internal::cpu
