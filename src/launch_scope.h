// Which part of a run sends the launches that are recorded now: of this thread, two words, read by recorders alone.
#pragma once

#include <cstddef>
#include <utility>

namespace gavotte::internal {

/// input: the given scan's coordinates and features. set, map: of that layer of CoordinateManager::plan(). sizes: what
/// waits for numbers of rows; lists: what follows the numbers of pairs. step: of the Executor's plan.
enum class RunPart { none, input, set, sizes, map, lists, step };

struct RunPlace {
  RunPart part = RunPart::none;
  std::size_t index = 0;  ///< Of the layer or step.
  friend bool operator==(const RunPlace&, const RunPlace&) = default;
};

RunPlace& current_run_place() noexcept;

class LaunchScope {
 public:
  explicit LaunchScope(RunPart part, std::size_t index = 0) noexcept
      : before_(std::exchange(current_run_place(), RunPlace{part, index})) {}
  ~LaunchScope() { current_run_place() = before_; }
  LaunchScope(const LaunchScope&) = delete;
  LaunchScope& operator=(const LaunchScope&) = delete;

 private:
  RunPlace before_;
};

}  // namespace gavotte::internal
