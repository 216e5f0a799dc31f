// Times several ways of doing one thing side by side: in each round Google Benchmark calls each once, in random order.
#pragma once

#include <vector>

#include "comparison.h"

namespace gavotte::bench {

/// thread: the CPU time of the calling thread, for work on one thread where other programs run too.
enum class Clock { wall, thread };

/// For work on so many threads.
constexpr Clock clock_for(int threads) { return threads == 1 ? Clock::thread : Clock::wall; }

/// Contenders in their order; each is called once beforehand.
Comparison compare(const std::vector<Contender>& contenders, int rounds, Clock clock = Clock::wall);

}  // namespace gavotte::bench
