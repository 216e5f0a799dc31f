// Which kernel offsets share a batched GEMM. Offsets are ordered by their row counts, and a group
// is a run of that order; its members are padded to the longest one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gavotte/config.h"

namespace gavotte::internal {

struct OffsetGroup {
  std::int32_t first = 0;  ///< Members are Grouping::order[first .. first + count).
  std::int32_t count = 0;
  std::int64_t rows = 0;  ///< Of each member, padding included.
  friend bool operator==(const OffsetGroup&, const OffsetGroup&) = default;
};

struct Grouping {
  /// Offsets with at least one row, longest first, ties by index.
  std::vector<std::int32_t> order;
  std::vector<OffsetGroup> groups;
  std::int64_t real_rows = 0;    ///< Sum over all offsets.
  std::int64_t padded_rows = 0;  ///< Sum over all groups of count * rows.
  double cost = 0;               ///< Sum over all groups of launch cost + count * rows.

  /// 1 = no padding.
  double padding_ratio() const noexcept {
    return real_rows > 0 ? static_cast<double>(padded_rows) / static_cast<double>(real_rows) : 1.0;
  }

  /// Memory of the dynamic program, kept so that a Grouping that is filled again allocates nothing.
  struct Step {
    double cost = 0;
    std::int32_t begin = 0;   // of the last group
    std::int64_t prefix = 0;  // real rows before this place of the order
  };
  std::vector<Step> steps;
};

struct GroupingOptions {
  GroupingPolicy policy = GroupingPolicy::exact;
  /// Greatest padded rows / real rows - 1 of a group. A group of one offset is always allowed.
  double padding_threshold = 0.25;
  double launch_cost_rows = 16;  ///< Cost of one batched GEMM, in rows.
  std::int64_t row_multiple =
      1;  ///< Rows of a member are rounded up to a multiple of this; counts as padding.

  static GroupingOptions from(const ConvConfig& config) {
    return {config.grouping, config.padding_threshold, config.launch_cost_rows, 1};
  }
};

// What a group of `members` offsets is worth, of which the longest has `longest` rows and all
// together `real`: the same on every device.

/// Rows of each member, padding included.
constexpr std::int64_t member_rows(const GroupingOptions& options, std::int64_t longest) {
  return (longest + options.row_multiple - 1) / options.row_multiple * options.row_multiple;
}
constexpr double group_cost(const GroupingOptions& options, std::int32_t members,
                            std::int64_t longest) {
  return options.launch_cost_rows + static_cast<double>(members * member_rows(options, longest));
}
constexpr bool may_group(const GroupingOptions& options, std::int32_t members, std::int64_t longest,
                         std::int64_t real) {
  if (members == 1) return true;
  const auto real_rows = static_cast<double>(real);
  return static_cast<double>(members * member_rows(options, longest)) - real_rows <=
         options.padding_threshold * real_rows;
}

/// exact: the partition of least cost, by a dynamic program over the ordered offsets, O(K^2).
/// greedy: Minuet's rule (EuroSys'24): a group takes the next offset as long as it stays under the
/// threshold. none: each offset alone. Offsets without rows are in no group.
void group_offsets(std::span<const std::int64_t> rows_per_offset, const GroupingOptions& options,
                   Grouping& grouping);
Grouping group_offsets(std::span<const std::int64_t> rows_per_offset,
                       const GroupingOptions& options);

}  // namespace gavotte::internal
