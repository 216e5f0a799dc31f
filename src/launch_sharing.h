// How what a thread starts on a device leaves room for other work there.
#pragma once

#include "backend.h"

namespace gavotte::internal {

struct LaunchSharing {
  int multiprocessors = 0;  ///< That the kernels of this library may take at a time; 0: all.
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
