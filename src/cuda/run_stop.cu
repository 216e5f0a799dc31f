#include "cuda/run_stop.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "cpu/stop.h"
#include "cuda/launch.h"
#include "cuda/runtime.h"
#include "gavotte/error.h"

namespace gavotte::internal::cuda {
namespace {

constexpr std::int64_t kNoneLeft = 0;

/// Of a device, for the words of its runs alone: never waits for their kernels.
Execution beside(const Device& device) {
  static std::mutex mutex;
  static std::map<int, StreamHandle> streams;
  use_device(device.index);
  const std::lock_guard lock(mutex);
  StreamHandle& stream = streams[device.index];
  if (stream == nullptr) stream = create_stream();
  return {.device = device, .stream = {stream}};
}

}  // namespace

DeviceStop::~DeviceStop() {
  try {
    wait_for_kernels();
  } catch (const Error&) {  // the device has failed: nothing runs there
  }
}

/// Of a run that an Error ended.
void DeviceStop::wait_for_kernels() {
  if (std::exchange(in_use_, false)) synchronize(execution_.stream.handle);
}

void DeviceStop::begin(const Execution& execution, EvictionFlag& flag) {
  wait_for_kernels();
  const Execution own = beside(execution.device);
  // Of the own stream's pool: no work of the run's stream may still use the memory.
  if (state_.get() == nullptr) state_ = Scratch<StopState>(own, 1);
  execution_ = execution;
  flag_ = &flag;
  told_ = false;
  left_ = flag.boundaries_left();
  const StopState start{left_, kNoGroup};
  start_copy(own.stream.handle, state_.get(), &start, sizeof start);
  order_streams(own.stream.handle, execution.stream.handle);
}

void DeviceStop::look_at_flag() {
  if (told_ || !flag_->is_set()) return;
  told_ = true;
  start_copy(beside(execution_.device).stream.handle, &state_.get()->left, &kNoneLeft,
             sizeof kNoneLeft);
}

void DeviceStop::count_passed(const StopState& state) {
  if (left_ == kNeverStops || told_) return;
  const std::int64_t left = std::max<std::int64_t>(state.left, 0);
  flag_->pass(left_ - left);
  left_ = left;
}

void DeviceStop::check(const StopState& state) {
  count_passed(state);
  if (state.group != kNoGroup) throw cpu::Stopped{};
}

std::optional<int> DeviceStop::unfinished_group() {
  StopState state{};
  const ReadBack piece = state_into(state);
  read_back_unchecked(execution_, {&piece, 1});
  in_use_ = false;
  count_passed(state);
  return state.group == kNoGroup ? std::nullopt : std::optional<int>(state.group);
}

MadeWhole::MadeWhole() : before_(set_launch_sharing(nullptr)) {
  if (before_ == nullptr) return;
  own_ = *before_;
  own_.stop = nullptr;
  set_launch_sharing(&own_);
}

MadeWhole::~MadeWhole() { set_launch_sharing(before_); }

}  // namespace gavotte::internal::cuda
