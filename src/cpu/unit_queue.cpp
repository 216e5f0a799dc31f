#include "cpu/unit_queue.h"

namespace gavotte::internal::cpu {
namespace {

constexpr int kNameBits = 16;  // of more workers than parallel_for has; 0 is nobody
constexpr std::uint64_t kNames = (1U << kNameBits) - 1;
constexpr std::int64_t kLineStates = 8;

constexpr std::int64_t step_of(std::uint64_t state) {
  return static_cast<std::int64_t>(state >> kNameBits);
}
constexpr std::uint64_t state_of(std::int64_t step, std::uint64_t name) {
  return static_cast<std::uint64_t>(step) << kNameBits | name;
}

}  // namespace

UnitQueue::UnitQueue(const UnitCounts& counts)
    : counts_(counts),
      stride_((counts.lanes + kLineStates - 1) / kLineStates * kLineStates),
      states_(static_cast<std::size_t>(counts.ranges * stride_)) {}

UnitQueue::Worker::Worker(UnitQueue& queue, int index, int count)
    : queue_(queue),
      name_(static_cast<std::uint64_t>(index) + 1),
      range_(queue.counts_.ranges * index / count) {}

std::optional<Unit> UnitQueue::Worker::take() noexcept {
  for (; visited_ < queue_.counts_.ranges; ++visited_) {
    if (const std::optional<Unit> unit = take_of(range_)) return unit;
    range_ = (range_ + 1) % queue_.counts_.ranges;
    lane_ = -1;
    step_ = 0;
  }
  return {};
}

// What follows the worker's last unit, as all lanes go through a range's steps together; where others are at work there,
// the lowest step that is free.
std::optional<Unit> UnitQueue::Worker::take_of(std::int64_t range) noexcept {
  const UnitCounts& counts = queue_.counts_;
  if (++lane_ == counts.lanes) {
    lane_ = 0;
    ++step_;
  }
  while (step_ == counts.steps || !takes(range)) {
    step_ = counts.steps;
    for (std::int64_t lane = 0; lane < counts.lanes; ++lane) {
      const std::uint64_t state = queue_.state(range, lane).load(std::memory_order_relaxed);
      if (step_of(state) >= step_ || !is_free(state)) continue;
      step_ = step_of(state);
      lane_ = lane;
    }
    if (step_ == counts.steps) return {};
  }
  return Unit{range, lane_, step_};
}

bool UnitQueue::Worker::is_free(std::uint64_t state) const noexcept {
  return (state & kNames) == 0 || (state & kNames) == name_;
}

// Whether this step of this lane was still there, and free.
bool UnitQueue::Worker::takes(std::int64_t range) noexcept {
  State& state = queue_.state(range, lane_);
  std::uint64_t found = state.load(std::memory_order_relaxed);
  return step_of(found) == step_ && is_free(found) &&
         state.compare_exchange_strong(found, state_of(step_ + 1, name_), std::memory_order_acquire,
                                       std::memory_order_relaxed);
}

// Where the worker has taken the lane's next step already, the lane stays its own.
void UnitQueue::Worker::end(const Unit& unit) noexcept {
  State& state = queue_.state(unit.range, unit.lane);
  if (state.load(std::memory_order_relaxed) == state_of(unit.step + 1, name_))
    state.store(state_of(unit.step + 1, 0), std::memory_order_release);
}

}  // namespace gavotte::internal::cpu
