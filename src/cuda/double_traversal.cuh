// Kernel map by Minuet's double traversal (EuroSys'24, section 5.1). The sorted targets are cut into
// blocks. Backward: the border of each block among the queries of each offset, by binary search; a
// block's queries at all offsets are then cut into work items of like size, counted and numbered on
// the device. Forward: a work item stages its block of targets in shared memory and searches each of
// its queries there.
//
// Queries are handled in groups of 32 neighbours, cut where a block's border falls.
#pragma once

#include "cuda/device/block_scan.h"
#include "cuda/device/sorted_keys.h"
#include "cuda/device/stop.h"
#include "cuda/map_search.h"

namespace gavotte::internal::cuda {

template <class Key>
struct SearchSteps {
  int count = 0;
  std::int16_t offset[kLaunchOffsets] = {};
  Key step[kLaunchOffsets] = {};
};

/// Groups of 32 that the queries [begin, end) lie in. Their sum over offsets is in int32 as well: 2^31
/// of them would be a table of 256 GiB.
GAVOTTE_DEVICE std::int32_t groups_of(std::int32_t begin, std::int32_t end) {
  return begin < end ? (end - 1) / kWarpThreads - begin / kWarpThreads + 1 : 0;
}

template <class Key>
struct FindBordersArgs {
  const Key* queries;
  const Key* targets;
  RowCount query_count, target_count;
  SearchSteps<Key> steps;
  std::int32_t block_size;  ///< Targets of a block.
  std::int64_t blocks;      ///< For the most targets there may be; at least 1.
  std::int32_t item_groups;
  /// [blocks + 1, steps.count]: first query of the block, at each offset. Queries below the first
  /// target belong to block 0, so that each query belongs to some block.
  std::int32_t* borders;
  std::int32_t* items;  ///< [blocks]: work items of each block.
};

/// First query in [low, high) whose key plus `step` is not below `key`, else high.
template <class Key>
GAVOTTE_DEVICE std::int32_t query_border(const Key* queries, std::int32_t low, std::int32_t high,
                                         const Key& step, const Key& key) {
  while (low < high) {
    const std::int32_t middle = low + (high - low) / 2;
    if (queries[middle] + step < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// A warp for a block of targets, a lane for an offset. About 2 log2(N) reads, through L2, for each
/// block and offset: 0.14 reads a voxel and offset at 256 targets a block. Writes 4 K / block_size
/// bytes a voxel.
template <class Key>
GAVOTTE_KERNEL void find_borders_kernel(FindBordersArgs<Key> args, Stop stop) {
  const auto queries = static_cast<std::int32_t>(args.query_count.get());
  const std::int64_t targets = args.target_count.get();
  const auto border = [&](std::int64_t of, std::int32_t low, const Key& step) {
    const std::int64_t first = of * args.block_size;
    return first < targets ? query_border(args.queries, low, queries, step, args.targets[first])
                           : queries;
  };
  for_each_item_of_warp(args.blocks, stop, [&](std::int64_t block) {
    std::int32_t groups = 0;
    for (int s = lane_index(); s < args.steps.count; s += kWarpThreads) {
      const Key step = args.steps.step[s];
      const std::int32_t begin = block == 0 ? 0 : border(block, 0, step);
      const std::int32_t end = border(block + 1, begin, step);
      args.borders[block * args.steps.count + s] = begin;
      if (block == args.blocks - 1) args.borders[args.blocks * args.steps.count + s] = end;
      groups += groups_of(begin, end);
    }
    for (int lanes = kWarpThreads / 2; lanes > 0; lanes /= 2)
      groups += shuffle_xor(kFullMask, groups, lanes);
    if (lane_index() == 0) args.items[block] = (groups + args.item_groups - 1) / args.item_groups;
  });
}

struct WorkItem {
  std::int32_t block;  ///< Of targets.
  std::int32_t part;   ///< Which item_groups groups of that block.
};

struct ScheduleItemsArgs {
  const std::int32_t* items;  ///< [blocks]
  std::int64_t blocks;
  WorkItem* work;       ///< [capacity]
  std::int64_t* count;  ///< How many there are.
};

struct ScheduleItemsShared {
  BlockScanShared<std::int64_t> scan[2];
};

/// One block numbers all work items in the order of their blocks.
GAVOTTE_KERNEL void schedule_items_kernel(ScheduleItemsArgs args, Stop stop) {
  auto& shared = shared_storage<ScheduleItemsShared>();
  std::int64_t before = 0;
  for (std::int64_t first = 0, round = 0; first < args.blocks && stop.goes_on();
       first += block_threads(), ++round) {
    const std::int64_t block = first + thread_index();
    const std::int32_t items = block < args.blocks ? args.items[block] : 0;
    std::int64_t total = 0;
    const std::int64_t at =
        before + block_exclusive_sum<std::int64_t>(items, shared.scan[round % 2], total);
    for (std::int32_t part = 0; part < items; ++part)
      args.work[at + part] = {static_cast<std::int32_t>(block), part};
    before += total;
  }
  if (thread_index() == 0) *args.count = before;
}

template <class Key>
struct SearchBlocksArgs {
  const Key* queries;
  const Key* targets;
  RowCount query_count, target_count;
  MatchSink sink;
  SearchSteps<Key> steps;
  std::int32_t block_size;
  std::int32_t item_groups;
  const std::int32_t* borders;  ///< [blocks + 1, steps.count]
  const WorkItem* work;
  const std::int64_t* work_count;
};

/// Then the staged keys.
struct alignas(16) SearchBlocksShared {
  std::int32_t begin[kLaunchOffsets];  ///< Queries of this block of targets, at each offset.
  std::int32_t end[kLaunchOffsets];
  std::int32_t group_begin[kLaunchOffsets + 1];  ///< Groups of the offsets before.
};

/// Borders of one block, and the groups before each offset: by the first warp.
template <class Key>
GAVOTTE_DEVICE void load_borders(const SearchBlocksArgs<Key>& args, std::int32_t block,
                                 SearchBlocksShared& shared) {
  if (warp_index() != 0) return;
  const std::int64_t count = args.steps.count;
  const std::int32_t* borders = args.borders + block * count;
  std::int32_t before = 0;
  for (std::int64_t first = 0; first < count; first += kWarpThreads) {
    const std::int64_t s = first + lane_index();
    std::int32_t groups = 0;
    if (s < count) {
      shared.begin[s] = borders[s];
      shared.end[s] = borders[count + s];
      groups = groups_of(borders[s], borders[count + s]);
    }
    const std::int32_t inclusive = warp_inclusive_sum(groups);
    if (s < count) shared.group_begin[s] = before + inclusive - groups;
    before += shuffle(kFullMask, inclusive, kWarpThreads - 1);
  }
  if (lane_index() == 0) shared.group_begin[count] = before;
}

/// Bytes a voxel of a 3x3x3 kernel, all offsets and 32-bit keys: table 108 written, flags 3.4
/// written, queries 4 read for each of 27 offsets (through L2 after the first), targets 4: 120 from
/// DRAM against the dense table's floor of 112, 224 through L2.
template <class Key>
GAVOTTE_KERNEL void search_blocks_kernel(SearchBlocksArgs<Key> args, Stop stop) {
  auto& shared = shared_storage<SearchBlocksShared>();
  Key* staged = reinterpret_cast<Key*>(&shared + 1);
  const std::int64_t targets = args.target_count.get();
  const std::int64_t work_count = *args.work_count;
  const int warps = block_threads() / kWarpThreads;

  for (std::int64_t item = block_index(); item < work_count && stop.goes_on();
       item += grid_blocks()) {
    const WorkItem work = args.work[item];
    const std::int64_t target_begin = std::int64_t{work.block} * args.block_size;
    std::int32_t length = args.block_size;
    if (targets - target_begin < length) length = static_cast<std::int32_t>(targets - target_begin);
    load_borders(args, work.block, shared);
    for (std::int32_t i = thread_index(); i < length; i += block_threads())
      staged[i] = args.targets[target_begin + i];
    sync_block();

    const std::int32_t groups = shared.group_begin[args.steps.count];
    const std::int32_t first_group = work.part * args.item_groups;
    const std::int32_t last_group =
        groups - first_group < args.item_groups ? groups : first_group + args.item_groups;
    int s = 0;
    for (std::int32_t g = first_group + warp_index(); g < last_group; g += warps) {
      while (shared.group_begin[s + 1] <= g) ++s;
      const std::int32_t begin = shared.begin[s];
      const std::int32_t group = begin / kWarpThreads + g - shared.group_begin[s];
      const std::int64_t query = std::int64_t{group} * kWarpThreads + lane_index();
      const bool live = query >= begin && query < shared.end[s];
      const int offset = args.steps.offset[s];
      std::int32_t target = -1;
      if (live) {
        const Key wanted = args.queries[query] + args.steps.step[s];
        const std::int32_t at = lower_bound(staged, 0, length, wanted);
        if (at < length && staged[at] == wanted)
          target = static_cast<std::int32_t>(target_begin) + at;
        args.sink.put(offset, args.sink.query_row(query), target);
      }
      const unsigned matches = ballot(kFullMask, target >= 0);
      // Two blocks may share a group: each adds its bits.
      if (args.sink.flags != nullptr && matches != 0 && lane_index() == 0) {
        const int slot = args.sink.searched.slot_of(offset);
        atomic_or(&args.sink.flags[slot * args.sink.groups + group], matches);
      }
    }
    sync_block();  // the next item's keys
  }
}

}  // namespace gavotte::internal::cuda
