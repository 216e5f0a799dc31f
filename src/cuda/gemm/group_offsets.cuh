// Sorting by rank, the dynamic program of src/grouping.cpp with its inner loop over the lanes of one
// warp, and the two simpler policies: one block, since the offsets are few. Reads K counts: latency
// is all there is to it.
#pragma once

#include <limits>

#include "cuda/device/stop.h"
#include "cuda/gemm/group_offsets.h"

namespace gavotte::internal::cuda {

inline constexpr int kGroupingThreads = 128;

struct GroupOffsetsArgs {
  const std::int64_t* pair_begin;  ///< [offsets + 1]
  std::int32_t offsets;
  std::int32_t identity;  ///< Or -1.
  GroupingOptions options;
  OffsetGroups result;
  // Memory of the block, [offsets + 1] each. Places are indices into the order.
  std::int64_t* rows;    ///< By place.
  std::int64_t* prefix;  ///< Rows before a place.
  double* cost;          ///< Least cost of the places before.
  std::int32_t* begin;   ///< Where the last group of those begins.
};

GAVOTTE_DEVICE std::int64_t rows_to_group(const GroupOffsetsArgs& args, std::int32_t offset) {
  return offset == args.identity ? 0 : args.pair_begin[offset + 1] - args.pair_begin[offset];
}

/// Longest first, ties by index: an offset's place is the number of offsets before it.
GAVOTTE_DEVICE void order_offsets(const GroupOffsetsArgs& args) {
  for (std::int32_t offset = thread_index(); offset < args.offsets; offset += block_threads()) {
    const std::int64_t own = rows_to_group(args, offset);
    std::int32_t place = 0;
    for (std::int32_t other = 0; other < args.offsets; ++other) {
      const std::int64_t rows = rows_to_group(args, other);
      place += rows > own || (rows == own && other < offset) ? 1 : 0;
    }
    if (own == 0) continue;
    args.result.order[place] = offset;
    args.rows[place] = own;
  }
}

/// By one thread.
GAVOTTE_DEVICE void sum_rows_before(const GroupOffsetsArgs& args) {
  std::int32_t size = 0;
  for (std::int32_t offset = 0; offset < args.offsets; ++offset)
    size += rows_to_group(args, offset) > 0 ? 1 : 0;
  args.prefix[0] = 0;
  for (std::int32_t place = 0; place < size; ++place)
    args.prefix[place + 1] = args.prefix[place] + args.rows[place];
  *args.result.order_size = size;
}

GAVOTTE_DEVICE bool may_group(const GroupOffsetsArgs& args, std::int32_t begin, std::int32_t end) {
  return internal::may_group(args.options, end - begin, args.rows[begin],
                             args.prefix[end] - args.prefix[begin]);
}

/// cost[end] and begin[end] for every end, by one warp: there for its first lane. Of equal costs the
/// shortest last group.
GAVOTTE_DEVICE void find_cheapest_groups(const GroupOffsetsArgs& args, std::int32_t size) {
  if (lane_index() == 0) args.cost[0] = 0;
  for (std::int32_t end = 1; end <= size; ++end) {
    sync_warp();
    double cost = std::numeric_limits<double>::infinity();
    std::int32_t begin = -1;
    for (std::int32_t place = end - 1 - lane_index(); place >= 0; place -= kWarpThreads) {
      if (!may_group(args, place, end)) continue;
      const double total =
          args.cost[place] + group_cost(args.options, end - place, args.rows[place]);
      if (total < cost) {
        cost = total;
        begin = place;
      }
    }
    for (int lanes = kWarpThreads / 2; lanes > 0; lanes /= 2) {
      const double other_cost = shuffle_xor(kFullMask, cost, lanes);
      const std::int32_t other_begin = shuffle_xor(kFullMask, begin, lanes);
      if (other_cost < cost || (other_cost == cost && other_begin > begin)) {
        cost = other_cost;
        begin = other_begin;
      }
    }
    if (lane_index() == 0) {
      args.cost[end] = cost;
      args.begin[end] = begin;
    }
  }
}

/// By one thread.
GAVOTTE_DEVICE void emit_group(const GroupOffsetsArgs& args, std::int32_t at, std::int32_t begin,
                               std::int32_t end) {
  args.result.groups[at] = {begin, end - begin, member_rows(args.options, args.rows[begin])};
}

GAVOTTE_DEVICE std::int32_t emit_cheapest_groups(const GroupOffsetsArgs& args, std::int32_t size) {
  std::int32_t count = 0;
  for (std::int32_t end = size; end > 0; end = args.begin[end]) ++count;
  std::int32_t at = count;
  for (std::int32_t end = size; end > 0; end = args.begin[end])
    emit_group(args, --at, args.begin[end], end);
  return count;
}

GAVOTTE_DEVICE std::int32_t emit_greedy_groups(const GroupOffsetsArgs& args, std::int32_t size) {
  std::int32_t count = 0, begin = 0;
  for (std::int32_t end = 1; end <= size; ++end) {
    if (end < size && may_group(args, begin, end + 1)) continue;
    emit_group(args, count++, begin, end);
    begin = end;
  }
  return count;
}

GAVOTTE_KERNEL void group_offsets_kernel(GroupOffsetsArgs args, Stop stop) {
  if (!stop.goes_on()) return;  // the whole block
  order_offsets(args);
  sync_block();
  if (thread_index() == 0) sum_rows_before(args);
  sync_block();
  const std::int32_t size = *args.result.order_size;
  if (args.options.policy == GroupingPolicy::exact && warp_index() == 0)
    find_cheapest_groups(args, size);
  if (thread_index() != 0) return;
  switch (args.options.policy) {
    case GroupingPolicy::exact:
      *args.result.group_count = emit_cheapest_groups(args, size);
      break;
    case GroupingPolicy::greedy:
      *args.result.group_count = emit_greedy_groups(args, size);
      break;
    case GroupingPolicy::none:
      for (std::int32_t place = 0; place < size; ++place) emit_group(args, place, place, place + 1);
      *args.result.group_count = size;
      break;
  }
}

}  // namespace gavotte::internal::cuda
