// The pool of workspaces.
#include "cpu/workspace.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <string>

#include "check.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::align_val_t kAlignment{64};
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

void Buffer::Free::operator()(void* data) const noexcept { ::operator delete(data, kAlignment); }

void* Buffer::reserve(std::int64_t bytes) {
  if (bytes > bytes_ || !data_) {
    data_.reset();
    bytes_ = 0;
    const std::int64_t wanted = std::max<std::int64_t>(bytes, 64);
    data_.reset(::operator new(static_cast<std::size_t>(wanted), kAlignment, std::nothrow));
    GAVOTTE_CHECK_RUNTIME(data_ != nullptr, "not enough memory for a workspace of " +
                                                std::to_string(wanted) + " bytes");
    bytes_ = wanted;
  }
  return data_.get();
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
