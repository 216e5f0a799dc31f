// Memory for intermediate results, kept between calls so that steady work allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "memory.h"

namespace gavotte::internal::cpu {

/// Uninitialised memory for one call, 64-byte aligned; goes back to the pool at the end of its
/// scope. Throws Error (runtime) where there is not enough.
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(std::int64_t bytes) : block_(take_block(bytes)) {}
  Scratch(Scratch&& other) noexcept : block_(std::exchange(other.block_, {})) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Scratch() { give_back(block_); }
  template <class T>
  T* as() const {
    return static_cast<T*>(block_.data);
  }

 private:
  Block block_;
};

}  // namespace gavotte::internal::cpu
