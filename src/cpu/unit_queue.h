// Units of work for threads that each keep to a part of the input, so that what it reads stays in the caches of one core. A
// unit is a step of a lane of a range; the steps of a lane of a range follow each other. Which thread takes a unit must
// change no result. Threads that have done their ranges help the others, unit by unit.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace gavotte::internal::cpu {

struct UnitCounts {
  std::int64_t ranges, lanes, steps;  ///< At least 1 of each.
};

struct Unit {
  std::int64_t range, lane, step;
};

class UnitQueue {
 public:
  /// Throws std::bad_alloc where there is not enough memory.
  explicit UnitQueue(const UnitCounts& counts);

  /// What one worker takes, on one thread.
  class Worker {
   public:
    /// Worker `index` of `count` begins with ranges of its own, which are the same in each call.
    Worker(UnitQueue& queue, int index, int count);
    /// The next unit; none where all are taken, or wait for other workers that will take what follows. It may follow
    /// units that this worker has not ended, but has begun: it runs them in the order in which it took them.
    std::optional<Unit> take() noexcept;
    /// Ends a unit. Whoever takes the lane's next step sees what this one has written.
    void end(const Unit& unit) noexcept;

   private:
    std::optional<Unit> take_of(std::int64_t range) noexcept;
    bool is_free(std::uint64_t state) const noexcept;
    bool takes(std::int64_t range) noexcept;
    UnitQueue& queue_;
    std::uint64_t name_;
    std::int64_t range_, visited_ = 0;  // visited: ranges that have nothing more for it
    std::int64_t lane_ = -1, step_ = 0;
  };

 private:
  // Of a lane of a range: the step that is taken next, and in the lower bits the worker that has not ended those before it.
  using State = std::atomic<std::uint64_t>;
  State& state(std::int64_t range, std::int64_t lane) {
    return states_[static_cast<std::size_t>(range * stride_ + lane)];
  }
  UnitCounts counts_;
  std::int64_t stride_;  // lanes, to whole lines of the cache
  std::vector<State> states_;
};

}  // namespace gavotte::internal::cpu
