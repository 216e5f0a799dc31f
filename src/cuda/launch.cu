#include "cuda/launch.h"

namespace gavotte::internal::cuda {
namespace {
thread_local LaunchListener* listener_of_thread = nullptr;
}

LaunchListener* set_launch_listener(LaunchListener* listener) noexcept {
  LaunchListener* before = listener_of_thread;
  listener_of_thread = listener;
  return before;
}

void report_launch(const Launch& launch) {
  if (listener_of_thread != nullptr) listener_of_thread->on_launch(launch);
}

}  // namespace gavotte::internal::cuda
