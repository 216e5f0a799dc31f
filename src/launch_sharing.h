// How what a thread starts on a device leaves room for other work there.
#pragma once

#include <optional>

#include "backend.h"
#include "gavotte/eviction.h"

namespace gavotte::internal {

/// What stops the kernels of a run at their tile boundaries; Backend::make_run_stop() makes it. For the thread of the run.
class RunStop {
 public:
  virtual ~RunStop() = default;
  /// What is enqueued on the stream of `execution` from now on looks at `flag`, which must stay until unfinished_group()
  /// has been called last.
  virtual void begin(const Execution& execution, EvictionFlag& flag) = 0;
  /// Waits for the stream. The lowest restart group since begin() that a kernel has left undone; none: all is done.
  virtual std::optional<int> unfinished_group() = 0;
};

struct LaunchSharing {
  int multiprocessors = 0;  ///< That the kernels of this library may take at a time; 0: all.
  RunStop* stop = nullptr;  ///< Null: kernels go to their end.
  int group = 0;            ///< The restart group that what is started belongs to.
};

/// `sharing`, null or not, holds for what this thread starts on the backend's devices until the end of the scope. A scope
/// inside of another hides it.
class SharingScope {
 public:
  SharingScope(Backend& backend, const LaunchSharing* sharing)
      : backend_(backend), before_(backend.share(sharing)) {}
  ~SharingScope() { backend_.share(before_); }
  SharingScope(const SharingScope&) = delete;
  SharingScope& operator=(const SharingScope&) = delete;

 private:
  Backend& backend_;
  const LaunchSharing* before_;
};

}  // namespace gavotte::internal
