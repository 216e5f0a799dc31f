#include "cuda/launch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "check.h"
#include "cuda/run_stop.h"

namespace gavotte::internal::cuda {
namespace {
thread_local LaunchListener* listener_of_thread = nullptr;
thread_local const LaunchSharing* sharing_of_thread = nullptr;
}  // namespace

LaunchListener* set_launch_listener(LaunchListener* listener) noexcept {
  LaunchListener* before = listener_of_thread;
  listener_of_thread = listener;
  return before;
}

LaunchListener* launch_listener() noexcept { return listener_of_thread; }

const LaunchSharing* set_launch_sharing(const LaunchSharing* sharing) noexcept {
  return std::exchange(sharing_of_thread, sharing);
}

DeviceStop* stop_of_thread() noexcept {
  return sharing_of_thread != nullptr ? static_cast<DeviceStop*>(sharing_of_thread->stop) : nullptr;
}

Stop stop_of_launch(const char* name, bool looks) {
  DeviceStop* const stop = stop_of_thread();
  if (stop == nullptr) return {};
  GAVOTTE_CHECK_RUNTIME(looks, "kernel " + std::string(name) +
                                   " does not look whether it is to stop, so no run with an "
                                   "eviction flag may launch it");
  stop->look_at_flag();
  return stop->of_group(sharing_of_thread->group);
}

LaunchShape within_budget(const Launch& call) {
  LaunchShape shape = call.shape;
  if (sharing_of_thread == nullptr || sharing_of_thread->multiprocessors == 0) return shape;
  const std::int64_t most =
      std::int64_t{sharing_of_thread->multiprocessors} * blocks_per_multiprocessor(call);
  shape.blocks_y = std::min(shape.blocks_y, most);
  const std::int64_t most_across = most / shape.blocks_y;
  shape.blocks = std::min(shape.blocks, most_across);
  shape.blocks_by.most = std::min(shape.blocks_by.most, most_across);
  shape.blocks_by.least = std::min(shape.blocks_by.least, most_across);
  return shape;
}

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
