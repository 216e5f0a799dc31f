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
  /// Right before each call and right after it, timed apart: what the machine gives at that moment; may be empty.
  std::function<void()> beside = {};
  double beside_share = 1;  ///< What both of these calls do together, of the work of the call.
};

/// Of an even number the mean of the two in the middle; at least one value.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

class Comparison {
 public:
  using Times = std::vector<std::vector<double>>;

  /// Milliseconds of each contender in each round, as many of all, and what its whole work would have
  /// taken as fast as what stands beside it.
  explicit Comparison(Times ms, Times beside_ms = {})
      : ms_(std::move(ms)), beside_ms_(std::move(beside_ms)) {}

  double median_ms(std::size_t contender) const { return median(ms_[contender]); }

  /// Time of `to` over the contender's own, the median over the rounds: what changes on the machine from one round to
  /// the next is in both.
  double ratio(std::size_t contender, std::size_t to = 0) const {
    return median_ratio(ms_[to], ms_[contender]);
  }

  /// Time of what stands beside the contender over its own, likewise.
  double ratio_to_beside(std::size_t contender) const {
    return median_ratio(beside_ms_[contender], ms_[contender]);
  }

 private:
  static double median_ratio(const std::vector<double>& to, const std::vector<double>& own) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < to.size(); ++round)
      ratios.push_back(to[round] / own[round]);
    return median(std::move(ratios));
  }

  Times ms_, beside_ms_;
};

}  // namespace gavotte::bench
