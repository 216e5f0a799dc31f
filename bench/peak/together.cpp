#include "peak/together.h"

#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

namespace gavotte::peak {

double seconds_together(int threads, const std::function<void(int thread)>& body) {
  using Clock = std::chrono::steady_clock;
  std::barrier meet(threads);
  const auto work = [&](int thread) {
    meet.arrive_and_wait();
    const Clock::time_point start = Clock::now();
    body(thread);
    meet.arrive_and_wait();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::vector<std::jthread> others;
  others.reserve(static_cast<std::size_t>(threads));
  try {
    for (int thread = 1; thread < threads; ++thread)
      others.emplace_back([&work, thread] { work(thread); });
  } catch (...) {
    // Those that are waiting go on without the others and without this one.
    for (int missing = static_cast<int>(others.size()); missing < threads; ++missing)
      meet.arrive_and_drop();
    throw;
  }
  return work(0);
}

}  // namespace gavotte::peak
