// Times several ways of doing one thing side by side: in each round Google Benchmark calls each once, in random order.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "comparison.h"

namespace gavotte::bench {

struct Contender {
  std::string name;
  std::function<void()> call;
};

/// thread: the CPU time of the calling thread, for work on one thread where other programs run too.
enum class Clock { wall, thread };

/// Contenders in their order; each is called once beforehand.
Comparison compare(const std::vector<Contender>& contenders, int rounds, Clock clock = Clock::wall);

}  // namespace gavotte::bench
