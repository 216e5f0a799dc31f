// Memory for intermediate results, kept between calls so that steady work allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace gavotte::internal::cpu {

struct ScratchBlock {
  std::unique_ptr<std::byte[]> memory;
  std::int64_t bytes = 0;
};

/// Blocks that are not in use. At most kKept are kept, the largest; trim() frees them.
class ScratchPool {
 public:
  ScratchBlock take(std::int64_t bytes);
  void give_back(ScratchBlock block) noexcept;
  void trim();

 private:
  static constexpr std::size_t kKept = 8;
  std::mutex mutex_;
  std::vector<ScratchBlock> free_;
};

ScratchPool& scratch_pool();

/// Uninitialised memory for one call, 64-byte aligned; goes back to the pool at the end of its
/// scope.
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(std::int64_t bytes) : block_(scratch_pool().take(bytes + kAlignment)) {}
  Scratch(Scratch&& other) noexcept : block_(std::move(other.block_)) { other.block_ = {}; }
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Scratch() {
    if (block_.memory) scratch_pool().give_back(std::move(block_));
  }
  template <class T>
  T* as() const {
    const auto address = reinterpret_cast<std::uintptr_t>(block_.memory.get());
    return reinterpret_cast<T*>((address + kAlignment - 1) / kAlignment * kAlignment);
  }

 private:
  static constexpr std::int64_t kAlignment = 64;
  ScratchBlock block_;
};

}  // namespace gavotte::internal::cpu
