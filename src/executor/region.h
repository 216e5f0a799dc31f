// The regions of a run: what lies between two of its restart groups, and their times.
#pragma once

#include <chrono>

#include "cpu/stop.h"

namespace gavotte::internal {

/// Runs `body`, which `flag`, null or not, ends at a tile boundary; one lies before it. What a caller's function does
/// belongs in no region: it is not the run's.
template <class Body>
void in_region(EvictionFlag* flag, Body&& body) {
  const cpu::StopScope scope(flag);
  cpu::tile_boundary(flag);
  body();
}

/// The time since it was made, which it adds to `total` at its end, however that comes.
class Timed {
 public:
  Timed() = default;
  explicit Timed(double& total_ms) : total_ms_(&total_ms) {}
  ~Timed() {
    if (total_ms_ != nullptr) *total_ms_ += ms();
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  double ms() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  double* total_ms_ = nullptr;
};

}  // namespace gavotte::internal
