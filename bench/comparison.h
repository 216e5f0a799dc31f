// What interleaved rounds of several contenders say.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gavotte::bench {

struct Contender {
  std::string name;
  std::function<void()> call;
  std::function<void()> warm_up = {};  ///< Before each call, and not timed; may be empty.
};

/// Of an even number the mean of the two in the middle; at least one value.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

class Comparison {
 public:
  /// Milliseconds of each contender in each round, as many of all.
  explicit Comparison(std::vector<std::vector<double>> ms) : ms_(std::move(ms)) {}

  double median_ms(std::size_t contender) const { return median(ms_[contender]); }

  /// Time of `to` over the contender's own, the median over the rounds: what changes on the machine from one round to
  /// the next is in both.
  double ratio(std::size_t contender, std::size_t to = 0) const {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < ms_[to].size(); ++round)
      ratios.push_back(ms_[to][round] / ms_[contender][round]);
    return median(std::move(ratios));
  }

 private:
  std::vector<std::vector<double>> ms_;
};

}  // namespace gavotte::bench
