// The three grouping policies. `place` is an index into the order, `steps[place]` describes the
// first `place` offsets.
#include "grouping.h"

#include <algorithm>
#include <limits>

namespace gavotte::internal {
namespace {

struct Order {
  std::span<const std::int64_t> rows;  // by offset
  const GroupingOptions& options;
  Grouping& grouping;

  std::int32_t size() const { return static_cast<std::int32_t>(grouping.order.size()); }
  std::int64_t rows_at(std::int32_t place) const {
    return rows[static_cast<std::size_t>(grouping.order[static_cast<std::size_t>(place)])];
  }
  Grouping::Step& step(std::int32_t place) {
    return grouping.steps[static_cast<std::size_t>(place)];
  }
  // The longest member comes first.
  std::int64_t group_rows(std::int32_t begin) const { return member_rows(options, rows_at(begin)); }
  double cost(std::int32_t begin, std::int32_t end) const {
    return group_cost(options, end - begin, rows_at(begin));
  }
  bool allowed(std::int32_t begin, std::int32_t end) {
    return may_group(options, end - begin, rows_at(begin), step(end).prefix - step(begin).prefix);
  }
  void emit(std::int32_t begin, std::int32_t end) {
    grouping.groups.push_back({begin, end - begin, group_rows(begin)});
    grouping.padded_rows += (end - begin) * group_rows(begin);
    grouping.cost += cost(begin, end);
  }
};

void group_exactly(Order order) {
  const std::int32_t count = order.size();
  for (std::int32_t end = 1; end <= count; ++end) {
    Grouping::Step& best = order.step(end);
    best.cost = std::numeric_limits<double>::infinity();
    for (std::int32_t begin = end - 1; begin >= 0; --begin) {
      if (!order.allowed(begin, end)) continue;
      const double cost = order.step(begin).cost + order.cost(begin, end);
      if (cost < best.cost) {
        best.cost = cost;
        best.begin = begin;
      }
    }
  }
  for (std::int32_t end = count; end > 0; end = order.step(end).begin)
    order.emit(order.step(end).begin, end);
  std::reverse(order.grouping.groups.begin(), order.grouping.groups.end());
}

void group_greedily(Order order) {
  std::int32_t begin = 0;
  for (std::int32_t end = 1; end <= order.size(); ++end) {
    if (end < order.size() && order.allowed(begin, end + 1)) continue;
    order.emit(begin, end);
    begin = end;
  }
}

}  // namespace

void group_offsets(std::span<const std::int64_t> rows_per_offset, const GroupingOptions& options,
                   Grouping& grouping) {
  grouping.order.clear();
  grouping.groups.clear();
  grouping.real_rows = grouping.padded_rows = 0;
  grouping.cost = 0;
  for (std::size_t k = 0; k < rows_per_offset.size(); ++k)
    if (rows_per_offset[k] > 0) grouping.order.push_back(static_cast<std::int32_t>(k));
  std::sort(grouping.order.begin(), grouping.order.end(), [&](std::int32_t a, std::int32_t b) {
    const std::int64_t rows_a = rows_per_offset[static_cast<std::size_t>(a)];
    const std::int64_t rows_b = rows_per_offset[static_cast<std::size_t>(b)];
    return rows_a != rows_b ? rows_a > rows_b : a < b;
  });

  Order order{rows_per_offset, options, grouping};
  grouping.steps.assign(grouping.order.size() + 1, {});
  for (std::int32_t place = 0; place < order.size(); ++place)
    order.step(place + 1).prefix = order.step(place).prefix + order.rows_at(place);
  grouping.real_rows = grouping.steps.back().prefix;

  switch (options.policy) {
    case GroupingPolicy::exact:
      group_exactly(order);
      break;
    case GroupingPolicy::greedy:
      group_greedily(order);
      break;
    case GroupingPolicy::none:
      for (std::int32_t place = 0; place < order.size(); ++place) order.emit(place, place + 1);
      break;
  }
}

Grouping group_offsets(std::span<const std::int64_t> rows_per_offset,
                       const GroupingOptions& options) {
  Grouping grouping;
  group_offsets(rows_per_offset, options, grouping);
  return grouping;
}

}  // namespace gavotte::internal
