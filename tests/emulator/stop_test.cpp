// How kernels leave their tiles: all threads of a block at one boundary, all blocks from one boundary on.
#include "cuda/device/stop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "cuda/device/row_lanes.h"
#include "emulator.h"

namespace gavotte::internal::cuda {
namespace {

class Stops : public ::testing::TestWithParam<emulator::Engine> {
 protected:
  Stops() { emulator::options().engine = GetParam(); }
  ~Stops() override { emulator::reset_options(); }
};

constexpr int kThreads = 64, kBlocks = 2;

/// Runs `kernel` with a state of so many boundaries.
template <class Kernel>
StopState run(std::int64_t left, const Kernel& kernel) {
  StopState state{left, kNoGroup};
  emulator::run({"stopped", kBlocks, 1, kThreads, 0}, [&] { kernel(Stop{&state, 7}); });
  return state;
}

/// With a last tile that is whole, or is not.
TEST_P(Stops, ItemsAreDoneTileByTile) {
  for (const std::int64_t items : {1000, 1024})
    for (const std::int64_t left : {std::int64_t{0}, std::int64_t{1}, std::int64_t{5},
                                    std::int64_t{15}, std::int64_t{16}, kNeverStops}) {
      std::vector<int> done(static_cast<std::size_t>(items));
      const auto kernel = [&](const Stop& stop) {
        for_each_item(items, stop, [&](std::int64_t i) { ++done[static_cast<std::size_t>(i)]; });
      };
      const StopState state = run(left, kernel);
      std::int64_t tiles = 0;
      for (auto tile = done.begin(); tile != done.end();) {
        const auto end = done.end() - tile > kThreads ? tile + kThreads : done.end();
        EXPECT_EQ(std::accumulate(tile, end, 0), *tile * (end - tile));  // all of it or nothing
        tiles += *tile;
        tile = end;
      }
      EXPECT_EQ(tiles, std::min<std::int64_t>(left, 16));
      EXPECT_EQ(state.group, left < 16 ? 7 : kNoGroup);  // none where all is done
      EXPECT_EQ(state.left == kNeverStops, left == kNeverStops);
    }
}

TEST_P(Stops, ItemsOfWarpsAreDoneTileByTile) {
  std::vector<int> done(33);
  const auto kernel = [&](const Stop& stop) {
    for_each_item_of_warp(33, stop, [&](std::int64_t i) {
      const unsigned lanes = ballot(kFullMask, true);  // the whole warp
      if (lane_index() == 0 && lanes == kFullMask) ++done[static_cast<std::size_t>(i)];
    });
  };
  run(3, kernel);
  EXPECT_EQ(std::accumulate(done.begin(), done.end(), 0), 6);  // two warps a block
  run(kNeverStops, kernel);
  EXPECT_EQ(std::accumulate(done.begin(), done.end(), 0), 6 + 33);
}

TEST_P(Stops, RowsAreDoneTileByTile) {
  constexpr std::int64_t kRows = 40, kColumns = 50;
  const RowLanes lanes = RowLanes::for_items(kColumns);  // 64 threads for a row
  for (const std::int64_t left : {std::int64_t{4}, std::int64_t{10}, kNeverStops}) {
    std::vector<int> done(kRows * kColumns);
    StopState state{left, kNoGroup};
    emulator::run({"rows", kBlocks, 1, kRowThreads, 0}, [&] {
      for_each_row_item(lanes, kRows, kColumns, Stop{&state, 2},
                        [&](std::int64_t row, std::int64_t item) {
                          ++done[static_cast<std::size_t>(row * kColumns + item)];
                        });
    });
    const std::int64_t rows =
        std::min(kRows, left == kNeverStops ? kRows : left * lanes.rows_per_block());
    EXPECT_EQ(std::accumulate(done.begin(), done.end(), std::int64_t{0}), rows * kColumns);
    EXPECT_EQ(state.group, left < 10 ? 2 : kNoGroup);
  }
}

/// A word that says stop goes on saying so, and the lowest group is kept.
TEST_P(Stops, LaterKernelsDoNothing) {
  StopState state{1, kNoGroup};
  int done = 0;
  for (const int group : {3, 9, 2, 4})
    emulator::run({"group", kBlocks, 1, kThreads, 0}, [&] {
      const Stop stop{&state, group};
      for (int tile = 0; tile < 2; ++tile)
        if (stop.goes_on() && thread_index() == 0) ++done;
    });
  EXPECT_EQ(done, 1);
  EXPECT_EQ(state.group, 2);
  EXPECT_LE(state.left, 0);
}

/// Votes one after the other, each with another thread against the rest.
TEST_P(Stops, AVoteIsThatOfAllThreads) {
  std::vector<int> wrong(kThreads);
  emulator::run({"vote", 1, 1, kThreads, 0}, [&] {
    for (int round = 0; round < 3 * kThreads; ++round) {
      const bool any = round % 3 != 0;
      if (any_of_block(any && thread_index() == round % kThreads) != any)
        ++wrong[static_cast<std::size_t>(thread_index())];
    }
  });
  EXPECT_EQ(wrong, std::vector<int>(kThreads));
}

INSTANTIATE_TEST_SUITE_P(Engines, Stops,
                         ::testing::Values(emulator::Engine::fibers, emulator::Engine::threads),
                         [](const auto& info) {
                           return info.param == emulator::Engine::fibers ? "fibers" : "threads";
                         });

}  // namespace
}  // namespace gavotte::internal::cuda
