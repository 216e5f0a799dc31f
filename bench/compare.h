// Times several ways of doing one thing side by side: Google Benchmark runs them interleaved in
// random order, one call a round, and the median over the rounds counts.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gavotte::bench {

struct Contender {
  std::string name;
  std::function<void()> call;
};

/// thread: the CPU time of the calling thread, for work on one thread where other programs run too.
enum class Clock { wall, thread };

/// Median milliseconds of each contender's call, in their order; each is called once beforehand.
std::vector<double> compare(const std::vector<Contender>& contenders, int rounds,
                            Clock clock = Clock::wall);

}  // namespace gavotte::bench
