// Kernels of the map launched by hand, on grids smaller than the work. Small, so that they run on both
// engines and under ThreadSanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

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

/// Every other number, then all of them: neighbours at distances 2 and 1.
TEST_P(MapKernels, SearchSeveralItemsInABlock) {
  constexpr std::int64_t kCount = 150, kBlocks = 3, kItems = 40;
  constexpr int kSteps = 3, kBlockSize = 64, kItemGroups = 2, kThreads = 96;
  std::vector<Key32> keys(kCount);
  for (std::size_t i = 0; i < keys.size(); ++i)
    keys[i] = static_cast<Key32>(i < 50 ? 100 + 2 * i : 150 + i);
  SearchSteps<Key32> steps;
  for (const int difference : {-1, 0, 1}) {
    steps.offset[steps.count] = static_cast<std::int16_t>(steps.count);
    steps.step[steps.count++] = static_cast<Key32>(difference);
  }
  const RowCount count{kCount};
  std::vector<std::int32_t> borders((kBlocks + 1) * kSteps), items(kBlocks);
  launch("find_borders", nullptr, {.blocks = kBlocks, .threads = 32}, find_borders_kernel<Key32>,
         {keys.data(), keys.data(), count, count, steps, kBlockSize, kBlocks, kItemGroups,
          borders.data(), items.data()});
  std::vector<WorkItem> work(kItems);
  std::int64_t work_count = 0;
  launch("schedule_items", nullptr, {.threads = 32, .shared_bytes = sizeof(ScheduleItemsShared)},
         schedule_items_kernel, {items.data(), kBlocks, work.data(), &work_count});
  ASSERT_GT(work_count, kBlocks);
  ASSERT_LE(work_count, kItems);

  std::vector<std::int32_t> table(kSteps * kCount, -2);
  MatchSink sink;
  sink.table = table.data();
  sink.offset_stride = kCount;
  sink.row_stride = 1;
  sink.searched.offsets = kSteps;
  launch("search_blocks", nullptr,
         {.blocks = 2,
          .threads = kThreads,
          .shared_bytes = sizeof(SearchBlocksShared) + kBlockSize * sizeof(Key32)},
         search_blocks_kernel<Key32>,
         {keys.data(), keys.data(), count, count, sink, steps, kBlockSize, kItemGroups,
          borders.data(), work.data(), &work_count});
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Key32 wanted = keys[i % kCount] + steps.step[i / kCount];
    const auto at = std::lower_bound(keys.begin(), keys.end(), wanted);
    const bool match = at != keys.end() && *at == wanted;
    ASSERT_EQ(table[i], match ? at - keys.begin() : -1) << "entry " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, MapKernels,
                         ::testing::Values(emulator::Engine::fibers, emulator::Engine::threads),
                         [](const auto& info) {
                           return info.param == emulator::Engine::fibers ? "fibers" : "threads";
                         });

}  // namespace
}  // namespace gavotte::internal::cuda
