#include "stream_uses.h"

#include <algorithm>

#include "backend.h"

namespace gavotte::internal {

void StreamUses::begin(const Execution& home, const Execution& user) {
  if (user.device.kind == DeviceKind::cpu || user.stream == home.stream) return;
  const std::lock_guard lock(mutex_);
  home_ = home;
  backend(home.device).order_streams(home, user);
  if (std::find(users_.begin(), users_.end(), user.stream) == users_.end())
    users_.push_back(user.stream);
}

void StreamUses::extend() {
  const std::lock_guard lock(mutex_);
  Execution user = home_;
  for (const Stream& stream : users_) {
    user.stream = stream;
    backend(home_.device).order_streams(home_, user);
  }
}

StreamUses::~StreamUses() {
  Execution user = home_;
  for (const Stream& stream : users_) {
    user.stream = stream;
    try {
      backend(home_.device).order_streams(user, home_);
    } catch (...) {
      // The stream or the device is gone, and with it its work.
    }
  }
}

}  // namespace gavotte::internal
