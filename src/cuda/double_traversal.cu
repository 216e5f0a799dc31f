#include "cuda/double_traversal.cuh"

#include <algorithm>

#include "cuda/kernel_name.h"
#include "cuda/launch.h"
#include "cuda/memory.h"

namespace gavotte::internal::cuda {
namespace {

constexpr std::int64_t kSharedBytes = 48 << 10;
constexpr int kScheduleThreads = 512;

/// Work items that there can be at most.
std::int64_t most_items(std::int64_t queries, std::int64_t blocks, std::int64_t offsets,
                        std::int64_t item_groups) {
  // A border inside a group puts that group into two blocks.
  const std::int64_t groups = offsets * (blocks_for(queries, kWarpThreads) + blocks);
  return groups / item_groups + blocks;
}

template <class Key>
void search_offsets(const Execution& execution, const MapConfig& config,
                    const MapSearch<Key>& search, const SearchSteps<Key>& steps) {
  const auto most_keys = (kSharedBytes - static_cast<std::int64_t>(sizeof(SearchBlocksShared))) /
                         static_cast<std::int64_t>(sizeof(Key));
  const auto block_size =
      static_cast<std::int32_t>(std::min<std::int64_t>(config.block_size, most_keys));
  const std::int64_t blocks =
      std::max<std::int64_t>(1, blocks_for(search.target_count.bound, block_size));
  const auto item_groups = static_cast<std::int32_t>(blocks_for(config.query_tile, kWarpThreads));
  const std::int64_t items = most_items(search.query_count.bound, blocks, steps.count, item_groups);
  Scratch<std::int32_t> borders(execution, (blocks + 1) * steps.count);
  Scratch<std::int32_t> items_of_block(execution, blocks);
  Scratch<WorkItem> work(execution, items);
  Scratch<std::int64_t> work_count(execution, 1);

  const int warps = config.threads / kWarpThreads;
  const GridRule borders_rule = {
      .of = Extent::rows_read, .per_block = std::int64_t{block_size} * warps, .least = 1};
  launch(kernel_name<"find_borders", 0, Key>(), execution.stream.handle,
         {.blocks = borders_rule.count(search.target_count.bound),
          .threads = config.threads,
          .blocks_by = borders_rule},
         find_borders_kernel<Key>,
         FindBordersArgs<Key>{search.queries, search.targets, search.query_count,
                              search.target_count, steps, block_size, blocks, item_groups,
                              borders.get(), items_of_block.get()});
  const GridRule schedule_threads = {.of = Extent::rows_read,
                                     .per_block = std::int64_t{block_size} * kWarpThreads,
                                     .tiles = kWarpThreads,
                                     .least = kWarpThreads,
                                     .most = kScheduleThreads};
  launch("schedule_items", execution.stream.handle,
         {.threads = static_cast<int>(schedule_threads.count(search.target_count.bound)),
          .shared_bytes = sizeof(ScheduleItemsShared),
          .blocks_by = kFixedGrid,
          .threads_by = schedule_threads},
         schedule_items_kernel, {items_of_block.get(), blocks, work.get(), work_count.get()});
  launch(kernel_name<"search_blocks", 0, Key>(), execution.stream.handle,
         {.blocks = std::min<std::int64_t>(items, 0x7fffffff),
          .threads = config.threads,
          .shared_bytes = static_cast<std::int64_t>(sizeof(SearchBlocksShared)) +
                          block_size * static_cast<std::int64_t>(sizeof(Key))},
         search_blocks_kernel<Key>,
         SearchBlocksArgs<Key>{search.queries, search.targets, search.query_count,
                               search.target_count, search.sink, steps, block_size, item_groups,
                               borders.get(), work.get(), work_count.get()});
}

}  // namespace

template <class Key>
void double_traversal(const Execution& execution, const MapConfig& config,
                      const MapSearch<Key>& search) {
  for (std::size_t first = 0; first < search.offsets.size(); first += kLaunchOffsets) {
    SearchSteps<Key> steps;
    for (std::size_t s = first;
         s < std::min(search.offsets.size(), first + static_cast<std::size_t>(kLaunchOffsets));
         ++s) {
      steps.offset[steps.count] = static_cast<std::int16_t>(search.offsets[s]);
      steps.step[steps.count++] = search.steps[s];
    }
    search_offsets(execution, config, search, steps);
  }
}

template void double_traversal(const Execution&, const MapConfig&, const MapSearch<Key32>&);
template void double_traversal(const Execution&, const MapConfig&, const MapSearch<Key64>&);
template void double_traversal(const Execution&, const MapConfig&, const MapSearch<Key128>&);
template void double_traversal(const Execution&, const MapConfig&, const MapSearch<Key192>&);

}  // namespace gavotte::internal::cuda
