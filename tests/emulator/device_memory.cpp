// The guarded region: addresses are reserved once, pages come as they are touched, blocks are found
// first fit. mprotect opens and shuts everything below the highest block that was ever handed out.
#include "device_memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>

#include "check.h"
#include "emulator.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace gavotte::emulator {
namespace {

constexpr std::size_t kRegionBytes = std::size_t{16} << 30;
constexpr std::size_t kAlignment = 256;
constexpr std::size_t kPageBytes = 4096;

class Region {
 public:
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (base_ == nullptr && !reserve()) return nullptr;
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    std::size_t at = 0;  // the first gap that is large enough
    for (const auto& [begin, length] : blocks_) {
      if (begin - at >= bytes) break;
      at = begin + length;
    }
    if (at + bytes > kRegionBytes) return nullptr;
    blocks_.emplace(at, bytes);
    const std::size_t end = (at + bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
    if (end > used_) used_ = end;
    protect(PROT_READ | PROT_WRITE);
    std::memset(base_ + at, 0xfd, bytes);
    if (open_ == 0) protect(PROT_NONE);
    return base_ + at;
  }

  void give_back(const void* memory) {
    const std::lock_guard lock(mutex_);
    blocks_.erase(static_cast<std::size_t>(static_cast<const unsigned char*>(memory) - base_));
  }

  void open() {
    const std::lock_guard lock(mutex_);
    if (open_++ == 0) protect(PROT_READ | PROT_WRITE);
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    if (--open_ == 0) protect(PROT_NONE);
  }

  std::span<std::byte> used() {
    const std::lock_guard lock(mutex_);
    return {reinterpret_cast<std::byte*>(base_), used_};
  }

  bool holds(const void* address) {
    const std::lock_guard lock(mutex_);
    const auto* const byte = static_cast<const unsigned char*>(address);
    return base_ != nullptr && byte >= base_ && byte < base_ + kRegionBytes;
  }

 private:
  bool reserve() {
    void* memory =
        mmap(nullptr, kRegionBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    base_ = static_cast<unsigned char*>(memory);
    return true;
  }
  void protect(int access) {
    if (used_ > 0) mprotect(base_, used_, access);
  }

  std::mutex mutex_;
  unsigned char* base_ = nullptr;
  std::size_t used_ = 0;  ///< Bytes below which blocks were handed out.
  int open_ = 0;          ///< DeviceAccess that live.
  std::map<std::size_t, std::size_t> blocks_;
};

/// Never destroyed: tensors with static storage give their memory back after the end of main.
Region& region() {
  static Region* const instance = new Region;
  return *instance;
}

}  // namespace

DeviceAccess::DeviceAccess() { region().open(); }
DeviceAccess::~DeviceAccess() { region().shut(); }

void* allocate_device(std::int64_t bytes) {
  const auto count = static_cast<std::size_t>(bytes);
  if (options().guard_device_memory) return region().take(count);
  return ::operator new(count, std::align_val_t(kAlignment), std::nothrow);
}

void free_device(void* memory) noexcept {
  if (is_guarded(memory))
    region().give_back(memory);
  else
    ::operator delete(memory, std::align_val_t(kAlignment));
}

namespace {

std::atomic<bool> limits = true;

}  // namespace

void limit_use([[maybe_unused]] void* block, [[maybe_unused]] std::int64_t bytes,
               [[maybe_unused]] std::int64_t block_bytes) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  auto* const begin = static_cast<std::byte*>(block);
  if (!limits) bytes = block_bytes;
  ASAN_UNPOISON_MEMORY_REGION(begin, static_cast<std::size_t>(bytes));
  ASAN_POISON_MEMORY_REGION(begin + bytes, static_cast<std::size_t>(block_bytes - bytes));
#endif
}

void limit_nothing() noexcept { limits = false; }

namespace {

// Of whole pages, with what lies behind the used part of a block, which AddressSanitizer has shut: by a loop that it does
// not see, and that the compiler must not make a memcpy() of, which it does.
#if defined(__clang__)
[[gnu::no_sanitize_address, clang::no_builtin("memcpy", "memmove")]]
#else
[[gnu::no_sanitize_address, gnu::optimize("no-tree-loop-distribute-patterns")]]
#endif
void copy_pages(const std::byte* from, std::byte* to, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    std::uint64_t word;
    __builtin_memcpy(&word, from + at, sizeof(word));
    __builtin_memcpy(to + at, &word, sizeof(word));
  }
}

}  // namespace

std::vector<std::byte> device_bytes() {
  const DeviceAccess access;
  const std::span<std::byte> used = region().used();
  std::vector<std::byte> bytes(used.size());
  copy_pages(used.data(), bytes.data(), used.size());
  return bytes;
}

void set_device_bytes(std::span<const std::byte> bytes) {
  const DeviceAccess access;
  const std::span<std::byte> used = region().used();
  GAVOTTE_CHECK_RUNTIME(bytes.size() == used.size(), "the device's memory has grown since");
  copy_pages(bytes.data(), used.data(), used.size());
}

bool is_guarded(const void* address) noexcept { return region().holds(address); }

bool checks_arguments() noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return options().guard_device_memory;
#endif
}

void check_words(const char* kernel, const void* words, std::size_t bytes) {
  if (!checks_arguments()) return;
  for (std::size_t at = 0; at + sizeof(void*) <= bytes; at += sizeof(void*)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, static_cast<const unsigned char*>(words) + at, sizeof(word));
    auto* const page = reinterpret_cast<void*>(word / kPageBytes * kPageBytes);
    unsigned char resident = 0;
    const bool is_address = word >= kPageBytes && mincore(page, 1, &resident) == 0;
    GAVOTTE_CHECK_RUNTIME(!is_address || is_guarded(page),
                          "kernel " + std::string(kernel) + ": byte " + std::to_string(at) +
                              " of its argument is an address of the host's memory");
  }
}

}  // namespace gavotte::emulator
