// The word in the device's memory that stops the kernels of a run (device/stop.h), and who writes it.
//
// The flag is the host's. A run's own thread looks at it whenever it launches a kernel and while it waits for the stream;
// where it is set, that thread writes the run's word once, by a copy on a stream of its own, which needs no multiprocessor
// and overtakes the run's kernels. So kernels read memory of the device, through its second-level cache, and not the
// host's over the bus at each tile; and the word, which nobody else writes, stays set though the flag be cleared.
#pragma once

#include <cstdint>
#include <optional>

#include "cuda/device/stop.h"
#include "cuda/memory.h"
#include "launch_sharing.h"

namespace gavotte::internal::cuda {

class DeviceStop final : public RunStop {
 public:
  DeviceStop() = default;
  ~DeviceStop() override;
  DeviceStop(const DeviceStop&) = delete;
  DeviceStop& operator=(const DeviceStop&) = delete;

  void begin(const Execution& execution, EvictionFlag& flag) override;
  std::optional<int> unfinished_group() override;

  /// What a kernel of the group is told.
  Stop of_group(int group) {
    in_use_ = true;
    return {state_.get(), group};
  }
  /// Tells the device where the flag is set.
  void look_at_flag();
  /// To be read with what a run reads back, and checked before it is used: throws Stopped where kernels have left
  /// something undone.
  ReadBack state_into(StopState& state) { return {&state, state_.get(), sizeof(StopState)}; }
  void check(const StopState& state);

 private:
  void wait_for_kernels();
  void count_passed(const StopState& state);

  Scratch<StopState> state_;
  Execution execution_;  ///< Of the run.
  EvictionFlag* flag_ = nullptr;
  std::int64_t left_ = kNeverStops;  ///< Boundaries that the flag and the device have agreed on.
  bool told_ = false;                ///< The device has been told to stop.
  bool in_use_ = false;              ///< Kernels may be reading the word.
};

/// What stops the launches of this thread; null: nothing.
DeviceStop* stop_of_thread() noexcept;

/// For what is kept beyond the run that asks for it first, such as a form of a map: no launch of this thread stops until
/// the end of the scope.
class MadeWhole {
 public:
  MadeWhole();
  ~MadeWhole();
  MadeWhole(const MadeWhole&) = delete;
  MadeWhole& operator=(const MadeWhole&) = delete;

 private:
  LaunchSharing own_;
  const LaunchSharing* before_;
};

}  // namespace gavotte::internal::cuda
