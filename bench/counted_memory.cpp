#include "counted_memory.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constinit gavotte::CountedMemory counted;

constexpr std::size_t kUsual = alignof(std::max_align_t);
constexpr std::size_t kBlockAlignment = 64, kBlockBytes = 4096;  // at least

void raise(std::atomic<std::int64_t>& most, std::int64_t value) noexcept {
  std::int64_t before = most;
  while (before < value && !most.compare_exchange_weak(before, value)) {
  }
}

// The size stands in front of the block.
void* take(std::size_t bytes, std::size_t alignment) noexcept {
  void* const base =
      std::aligned_alloc(alignment, (bytes + 2 * alignment - 1) / alignment * alignment);
  if (base == nullptr) return nullptr;
  std::byte* const block = static_cast<std::byte*>(base) + alignment;
  const auto size = static_cast<std::int64_t>(bytes);
  reinterpret_cast<std::int64_t*>(block)[-1] = size;
  raise(counted.most_bytes, counted.held_bytes += size);
  if (alignment >= kBlockAlignment && bytes >= kBlockBytes) {
    ++counted.blocks;
  } else {
    counted.other_bytes += size;
    raise(counted.largest_other_bytes, size);
  }
  return block;
}

void* take_or_throw(std::size_t bytes, std::size_t alignment) {
  void* const block = take(bytes, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void drop(void* memory, std::size_t alignment) noexcept {
  if (memory == nullptr) return;
  counted.held_bytes -= static_cast<std::int64_t*>(memory)[-1];
  std::free(static_cast<std::byte*>(memory) - alignment);
}

}  // namespace

void* operator new(std::size_t bytes) { return take_or_throw(bytes, kUsual); }
void* operator new[](std::size_t bytes) { return take_or_throw(bytes, kUsual); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return take_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return take(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { drop(memory, kUsual); }
void operator delete[](void* memory) noexcept { drop(memory, kUsual); }
void operator delete(void* memory, std::size_t) noexcept { drop(memory, kUsual); }
void operator delete[](void* memory, std::size_t) noexcept { drop(memory, kUsual); }
void operator delete(void* memory, std::align_val_t alignment) noexcept {
  drop(memory, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
  drop(memory, static_cast<std::size_t>(alignment));
}

namespace gavotte {

CountedMemory& counted_memory() noexcept { return counted; }

}  // namespace gavotte
