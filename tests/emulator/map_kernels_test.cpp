// Kernels of the map launched by hand, on grids smaller than the work. Small, so that they run on both
// engines and under ThreadSanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "cuda/column_walk.cuh"
#include "cuda/double_traversal.cuh"
#include "cuda/launch.h"
#include "emulator.h"

namespace gavotte::internal::cuda {
namespace {

class MapKernels : public ::testing::TestWithParam<emulator::Engine> {
 protected:
  MapKernels() { emulator::options().engine = GetParam(); }
  ~MapKernels() override { emulator::reset_options(); }
};

constexpr std::int64_t kCount = 150;

/// Every other number, then all of them: neighbours at distances 2 and 1.
std::vector<Key32> some_keys() {
  std::vector<Key32> keys(kCount);
  for (std::size_t i = 0; i < keys.size(); ++i)
    keys[i] = static_cast<Key32>(i < 50 ? 100 + 2 * i : 150 + i);
  return keys;
}

/// Entries of step s, then of the next: where key + step is among the keys.
void expect_matches(const std::vector<std::int32_t>& table, const std::vector<Key32>& keys,
                    const Key32* steps) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Key32 wanted = keys[i % kCount] + steps[i / kCount];
    const auto at = std::lower_bound(keys.begin(), keys.end(), wanted);
    const bool match = at != keys.end() && *at == wanted;
    ASSERT_EQ(table[i], match ? at - keys.begin() : -1) << "entry " << i;
  }
}

MatchSink sink_of(std::vector<std::int32_t>& table, int offsets) {
  MatchSink sink;
  sink.table = table.data();
  sink.offset_stride = kCount;
  sink.row_stride = 1;
  sink.searched.offsets = offsets;
  return sink;
}

/// Two columns, and room in shared memory for none, one or both of their runs; a block for each of three tiles, or for all.
TEST_P(MapKernels, WalkColumnsThatAreStagedOrNot) {
  const std::vector<Key32> keys = some_keys();
  SearchColumns<Key32> columns;
  columns.count = 2;
  columns.begin[1] = 3;
  columns.begin[2] = 5;
  const Key32 steps[5] = {static_cast<Key32>(-21), static_cast<Key32>(-20), static_cast<Key32>(-19),
                          1, 2};
  for (int s = 0; s < 5; ++s) {
    columns.offset[s] = static_cast<std::int16_t>(s);
    columns.step[s] = steps[s];
  }
  constexpr int kTile = 64, kThreads = 96;
  // One block for all tiles in several orders of its threads: a warp runs ahead into the next tile, up to a barrier.
  for (const auto& [capacity, blocks, order] : {std::tuple{8, 3, 0},
                                                {90, 3, 0},
                                                {300, 3, 0},
                                                {90, 1, 0},
                                                {300, 1, 1},
                                                {300, 1, 2},
                                                {300, 1, 3}}) {
    SCOPED_TRACE(capacity);
    emulator::options().thread_order_seed = static_cast<std::uint64_t>(order);
    std::vector<std::int32_t> table(5 * kCount, -2);
    launch("walk_columns", nullptr,
           {.blocks = blocks,
            .threads = kThreads,
            .shared_bytes = static_cast<std::int64_t>(sizeof(WalkColumnsShared) +
                                                      static_cast<std::size_t>(capacity) * 4)},
           walk_columns_kernel<Key32>,
           {keys.data(), keys.data(), RowCount{kCount}, RowCount{kCount}, sink_of(table, 5),
            columns, kTile, capacity});
    expect_matches(table, keys, steps);
  }
}

/// As many as a launch takes: nothing may follow the last one.
TEST_P(MapKernels, WalkAsManyColumnsAsALaunchTakes) {
  const std::vector<Key32> keys = some_keys();
  SearchColumns<Key32> columns;
  columns.count = kLaunchOffsets;
  for (int c = 0; c < kLaunchOffsets; ++c) {
    columns.begin[c + 1] = static_cast<std::int16_t>(c + 1);
    columns.offset[c] = static_cast<std::int16_t>(c);
    columns.step[c] = static_cast<Key32>(c);
  }
  std::vector<std::int32_t> table(kLaunchOffsets * kCount, -2);
  launch("walk_columns", nullptr,
         {.blocks = 1, .threads = 64, .shared_bytes = sizeof(WalkColumnsShared) + 64},
         walk_columns_kernel<Key32>,
         {keys.data(), keys.data(), RowCount{kCount}, RowCount{kCount},
          sink_of(table, kLaunchOffsets), columns, 160, 16});
  expect_matches(table, keys, columns.step);
}

TEST_P(MapKernels, SearchSeveralItemsInABlock) {
  constexpr std::int64_t kBlocks = 3, kItems = 40;
  constexpr int kSteps = 3, kBlockSize = 64, kItemGroups = 2, kThreads = 96;
  const std::vector<Key32> keys = some_keys();
  SearchSteps<Key32> steps;
  for (const int difference : {-1, 0, 1}) {
    steps.offset[steps.count] = static_cast<std::int16_t>(steps.count);
    steps.step[steps.count++] = static_cast<Key32>(difference);
  }
  const RowCount count{kCount};
  std::vector<std::int32_t> borders((kBlocks + 1) * kSteps), items(kBlocks);
  launch("find_borders", nullptr, {.blocks = 2, .threads = 32}, find_borders_kernel<Key32>,
         {keys.data(), keys.data(), count, count, steps, kBlockSize, kBlocks, kItemGroups,
          borders.data(), items.data()});
  std::vector<WorkItem> work(kItems);
  std::int64_t work_count = 0;
  launch("schedule_items", nullptr, {.threads = 32, .shared_bytes = sizeof(ScheduleItemsShared)},
         schedule_items_kernel, {items.data(), kBlocks, work.data(), &work_count});
  ASSERT_GT(work_count, kBlocks);
  ASSERT_LE(work_count, kItems);

  std::vector<std::int32_t> table(kSteps * kCount, -2);
  launch("search_blocks", nullptr,
         {.blocks = 2,
          .threads = kThreads,
          .shared_bytes = sizeof(SearchBlocksShared) + kBlockSize * sizeof(Key32)},
         search_blocks_kernel<Key32>,
         {keys.data(), keys.data(), count, count, sink_of(table, kSteps), steps, kBlockSize,
          kItemGroups, borders.data(), work.data(), &work_count});
  expect_matches(table, keys, steps.step);
}

INSTANTIATE_TEST_SUITE_P(Engines, MapKernels,
                         ::testing::Values(emulator::Engine::fibers, emulator::Engine::threads),
                         [](const auto& info) {
                           return info.param == emulator::Engine::fibers ? "fibers" : "threads";
                         });

}  // namespace
}  // namespace gavotte::internal::cuda
