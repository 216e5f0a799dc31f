// Memory that a worker needs while it convolves, kept between calls: steady work allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cpu/memory.h"
#include "grouping.h"

namespace gavotte::internal::cpu {

/// Memory that grows and never shrinks, 64-byte aligned. Growing loses what it held.
class Buffer {
 public:
  Buffer() = default;
  ~Buffer() { give_back(block_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  /// At least `count` elements of T, uninitialised; throws Error (runtime) where there is not
  /// enough memory.
  template <class T>
  T* as(std::int64_t count) {
    return static_cast<T*>(reserve(count * static_cast<std::int64_t>(sizeof(T))));
  }

 private:
  void* reserve(std::int64_t bytes);
  Block block_;
};

struct Workspace {
  Buffer gathered, partial, weights, panels;
  Buffer entry_begin, entries, entry_offsets;
  std::vector<std::int64_t> first, counts, base_rows;  ///< By kernel offset.
  Grouping grouping;
};

/// `count` workspaces from the process's pool; they go back at the end of the scope.
class WorkspaceLease {
 public:
  explicit WorkspaceLease(int count);
  ~WorkspaceLease();
  WorkspaceLease(const WorkspaceLease&) = delete;
  WorkspaceLease& operator=(const WorkspaceLease&) = delete;
  Workspace& operator[](int worker) const { return *workspaces_[static_cast<std::size_t>(worker)]; }

 private:
  std::vector<std::unique_ptr<Workspace>> workspaces_;
};

}  // namespace gavotte::internal::cpu
