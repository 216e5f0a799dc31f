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

LaunchListener* launch_listener() noexcept { return listener_of_thread; }

void copy_bytes(StreamHandle stream, void* to, const void* from, std::int64_t bytes) {
  if (bytes <= 0) return;
  if (listener_of_thread != nullptr) listener_of_thread->on_transfer({stream, to, from, bytes});
  start_copy(stream, to, from, bytes);
}

void fill_bytes(StreamHandle stream, void* to, int value, std::int64_t bytes) {
  if (bytes <= 0) return;
  if (listener_of_thread != nullptr) listener_of_thread->on_transfer({stream, to, nullptr, bytes});
  start_fill(stream, to, value, bytes);
}

}  // namespace gavotte::internal::cuda
