// Candidates of an axis as a table: what lies on a plane becomes a number, axis by axis.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "axis_candidates.h"

namespace gavotte::internal::cpu {

/// Places are coordinates counted from the lowest that the set may have. For a value whose distance from an origin is
/// quotient * period + rest, they are quotient * factor + each of the steps of that rest. All rests have as many steps,
/// so that loops over them end where the processor expects it: some stand there twice.
class PlaneAxis {
 public:
  static constexpr std::int64_t kMaxPeriod = 64;  ///< Steps of each rest are kept.

  PlaneAxis() = default;
  /// For values in [lower, upper].
  PlaneAxis(const AxisCandidates& candidates, std::int64_t lower, std::int64_t upper)
      : period_(candidates.to_coarse ? candidates.scale : 1),
        factor_(candidates.to_coarse ? 1 : candidates.scale) {
    if (period_ > kMaxPeriod) return;
    if (const auto divisor = static_cast<std::uint64_t>(period_); std::has_single_bit(divisor))
      shift_ = std::countr_zero(divisor);
    origin_ = lower - (lower % period_ + period_) % period_;
    std::vector<std::vector<std::int64_t>> lists = coordinates_by_rest(candidates);
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    std::int64_t greatest = std::numeric_limits<std::int64_t>::min();
    for (const std::vector<std::int64_t>& list : lists) {
      if (list.empty()) continue;
      least = std::min(least, list.front());
      greatest = std::max(greatest, list.back());
      most_ = std::max(most_, static_cast<std::int64_t>(list.size()));
    }
    if (most_ == 0) return;
    lower_ = std::max(least, candidates.lower);
    const std::int64_t last = (upper - origin_) / period_ * factor_ + greatest;
    extent_ = std::max<std::int64_t>(std::min(last, candidates.upper) - lower_ + 1, 0);
    for (std::vector<std::int64_t>& list : lists) {
      for (std::int64_t& coordinate : list) coordinate -= lower_;
      list.resize(static_cast<std::size_t>(most_), list.empty() ? kNowhere : list.back());
      steps_.insert(steps_.end(), list.begin(), list.end());
    }
  }

  /// Calls take(place) for each candidate of the value, ascending; for some of them twice in a row.
  template <class Take>
  void each(std::int32_t value, Take&& take) const {
    const auto distance = static_cast<std::uint64_t>(value - origin_);
    const std::uint64_t quotient =
        shift_ >= 0 ? distance >> shift_ : distance / static_cast<std::uint64_t>(period_);
    const auto rest =
        static_cast<std::int64_t>(distance) - static_cast<std::int64_t>(quotient) * period_;
    const std::int64_t* const steps = steps_.data() + rest * most_;
    const std::int64_t base = static_cast<std::int64_t>(quotient) * factor_;
    for (std::int64_t i = 0; i < most_; ++i) {
      const auto place = static_cast<std::uint64_t>(base + steps[i]);
      if (place < static_cast<std::uint64_t>(extent_)) take(place);  // else outside the bounds
    }
  }
  std::int32_t coordinate(std::uint64_t place) const {
    return static_cast<std::int32_t>(lower_ + static_cast<std::int64_t>(place));
  }
  /// Candidates that a value has at most.
  std::int64_t most() const { return most_; }
  int bits() const { return std::bit_width(static_cast<std::uint64_t>(extent_ - 1)); }
  /// Whether there is anything, and all of it is within int32.
  bool usable() const {
    return extent_ > 0 && lower_ >= std::numeric_limits<std::int32_t>::min() &&
           lower_ + extent_ - 1 <= std::numeric_limits<std::int32_t>::max();
  }

 private:
  static constexpr std::int64_t kNowhere = std::numeric_limits<std::int64_t>::min() / 2;

  /// The coordinates that origin + rest leads to, ascending.
  std::vector<std::vector<std::int64_t>> coordinates_by_rest(
      const AxisCandidates& candidates) const {
    std::vector<std::vector<std::int64_t>> lists(static_cast<std::size_t>(period_));
    AxisCandidates unbounded{candidates.scale, candidates.to_coarse, candidates.offsets};
    for (std::int64_t rest = 0; rest < period_; ++rest) {
      std::vector<std::int64_t>& list = lists[static_cast<std::size_t>(rest)];
      unbounded.list(origin_ + rest, list);
      std::sort(list.begin(), list.end());
    }
    return lists;
  }

  std::int64_t period_ = 1, factor_ = 1, origin_ = 0;
  int shift_ = -1;  ///< period = 2^shift; -1: none, and a division takes several times as long
  std::int64_t most_ = 0;
  std::vector<std::int64_t> steps_;  ///< [period, most]
  std::int64_t lower_ = 0, extent_ = 0;
};

}  // namespace gavotte::internal::cpu
