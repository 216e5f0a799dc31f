// The pool of workspaces.
#include "cpu/workspace.h"

#include <mutex>
#include <new>
#include <utility>

namespace gavotte::internal::cpu {
namespace {

constexpr std::size_t kKept = 32;  // workspaces kept while nobody uses them

struct Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Workspace>> free;
};

// Holds nothing but memory, so it changes no result.
Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

void* Buffer::reserve(std::int64_t bytes) {
  if (bytes > block_.bytes || block_.data == nullptr) {
    give_back(std::exchange(block_, {}));
    block_ = take_block(bytes);
  }
  return block_.data;
}

WorkspaceLease::WorkspaceLease(int count) {
  workspaces_.reserve(static_cast<std::size_t>(count));
  Pool& free_workspaces = pool();
  const std::lock_guard lock(free_workspaces.mutex);
  for (int i = 0; i < count; ++i) {
    if (free_workspaces.free.empty()) {
      workspaces_.push_back(std::make_unique<Workspace>());
    } else {
      workspaces_.push_back(std::move(free_workspaces.free.back()));
      free_workspaces.free.pop_back();
    }
  }
}

WorkspaceLease::~WorkspaceLease() {
  Pool& free_workspaces = pool();
  const std::lock_guard lock(free_workspaces.mutex);
  // Room was made for kKept at the first return, so that giving back cannot fail.
  try {
    free_workspaces.free.reserve(kKept);
  } catch (const std::bad_alloc&) {
    return;
  }
  // Backwards: the next lease finds worker 0's workspace first, which has grown the most.
  for (auto workspace = workspaces_.rbegin(); workspace != workspaces_.rend(); ++workspace)
    if (free_workspaces.free.size() < kKept) free_workspaces.free.push_back(std::move(*workspace));
}

}  // namespace gavotte::internal::cpu
