// Kernels that make one form of a map from another, and the one that clears what a search adds to, each
// launched by hand on arrays that end where AddressSanitizer sees it.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "cuda/launch.h"
#include "cuda/map_forms.cuh"
#include "cuda/map_keys.cuh"
#include "emulator.h"

namespace gavotte::internal::cuda {
namespace {

class MapForms : public ::testing::TestWithParam<emulator::Engine> {
 protected:
  MapForms() { emulator::options().engine = GetParam(); }
  ~MapForms() override { emulator::reset_options(); }
};

constexpr std::int64_t kRows = 40, kGroups = 2, kInRows = 50;

/// Of an offset: some rows match, the first and the last among them, each another input row.
std::int32_t entry_of(std::int64_t offset, std::int64_t row) {
  const bool match = row == 0 || row == kRows - 1 || (row + offset) % 3 == 0;
  return match ? static_cast<std::int32_t>((row * 7 + offset) % kInRows) : -1;
}

std::vector<std::int32_t> table_of(std::int64_t offsets) {
  std::vector<std::int32_t> table;
  for (std::int64_t k = 0; k < offsets; ++k)
    for (std::int64_t row = 0; row < kRows; ++row) table.push_back(entry_of(k, row));
  return table;
}

std::vector<std::uint32_t> flags_of(std::int64_t offsets) {
  std::vector<std::uint32_t> flags(static_cast<std::size_t>(offsets * kGroups));
  for (std::int64_t k = 0; k < offsets; ++k)
    for (std::int64_t row = 0; row < kRows; ++row)
      if (entry_of(k, row) >= 0)
        flags[static_cast<std::size_t>(k * kGroups + row / 32)] |= 1U << row % 32;
  return flags;
}

TEST_P(MapForms, ArrangesMoreOffsetsThanABlockHolds) {
  constexpr int kOffsets = kArrangeOffsets + 7;
  std::vector<std::int32_t> by_row;
  for (std::int64_t row = 0; row < kRows; ++row)
    for (int k = 0; k < kOffsets; ++k) by_row.push_back(entry_of(k, row));
  // One block for all tiles in several orders of its threads: a warp runs ahead into the next tile, up to a barrier.
  for (const auto& [blocks, blocks_y, order] : {std::tuple{kGroups, std::int64_t{2}, 0},
                                                {1, 2, 0},
                                                {1, 1, 0},
                                                {1, 1, 1},
                                                {1, 1, 2},
                                                {1, 1, 3}}) {
    emulator::options().thread_order_seed = static_cast<std::uint64_t>(order);
    std::vector<std::int32_t> table(by_row.size(), -2);
    std::vector<std::uint32_t> flags(kOffsets * kGroups);
    launch("arrange_table", nullptr,
           {.blocks = blocks,
            .blocks_y = blocks_y,
            .threads = 64,
            .shared_bytes = sizeof(ArrangeTableShared)},
           arrange_table_kernel,
           {by_row.data(), table.data(), RowCount{kRows}, kOffsets, flags.data(), kGroups});
    EXPECT_EQ(table, table_of(kOffsets));
    EXPECT_EQ(flags, flags_of(kOffsets));
  }
}

/// Fewer rows than the table has room for: entries behind them are not looked at.
TEST_P(MapForms, FlagsTheRowsThatMatch) {
  constexpr int kOffsets = 3;
  std::vector<std::int32_t> table;
  for (int k = 0; k < kOffsets; ++k)
    for (std::int64_t row = 0; row < kRows + 1; ++row)
      table.push_back(row < kRows ? entry_of(k, row) : 5);
  const std::int64_t rows = kRows;
  for (const int across : {kOffsets, 2, 1}) {
    std::vector<std::uint32_t> flags(kOffsets * kGroups, 0xffffffffU);
    launch("flag_rows", nullptr, {.blocks = 1, .blocks_y = across, .threads = 96}, flag_rows_kernel,
           {table.data(), RowCount{kRows + 1, &rows}, flags.data(), kGroups, kOffsets});
    EXPECT_EQ(flags, flags_of(kOffsets));
  }
}

TEST_P(MapForms, ScattersTheListOfEachOffset) {
  constexpr int kOffsets = 3;
  const std::vector<std::int32_t> expected = table_of(kOffsets);
  std::vector<std::int64_t> begin = {0};
  std::vector<std::int32_t> in, out;
  for (int k = 0; k < kOffsets; ++k) {
    for (std::int32_t row = 0; row < kRows; ++row) {
      if (entry_of(k, row) < 0) continue;
      in.push_back(entry_of(k, row));
      out.push_back(row);
    }
    begin.push_back(static_cast<std::int64_t>(in.size()));
  }
  for (const int across : {kOffsets, 2, 1}) {
    std::vector<std::int32_t> table(expected.size(), -1);
    launch("scatter_pairs", nullptr, {.blocks = 1, .blocks_y = across, .threads = 32},
           scatter_pairs_kernel,
           {begin.data(), in.data(), out.data(), table.data(), kRows, kOffsets});
    EXPECT_EQ(table, expected);
  }
}

TEST_P(MapForms, SwapsTheSidesOfWhatMatches) {
  constexpr int kOffsets = 3;
  const std::vector<std::int32_t> table = table_of(kOffsets);
  std::vector<std::int32_t> expected(kOffsets * kInRows, -1);
  for (int k = 0; k < kOffsets; ++k)
    for (std::int32_t row = 0; row < kRows; ++row)
      if (entry_of(k, row) >= 0)
        expected[static_cast<std::size_t>(k * kInRows + entry_of(k, row))] = row;
  for (const int across : {kOffsets, 2, 1}) {
    std::vector<std::int32_t> swapped(expected.size(), -1);
    launch("swap_sides", nullptr, {.blocks = 1, .blocks_y = across, .threads = 32},
           swap_sides_kernel, {table.data(), swapped.data(), kRows, kInRows, kOffsets});
    EXPECT_EQ(swapped, expected);
  }
}

/// Mirrored matches are written to the rows of offsets that are not searched: those alone are cleared.
TEST_P(MapForms, ClearsTheRowsOfOffsetsThatAreNotSearched) {
  WriteKeysArgs<Key32> args;
  args.searched.offsets = 3;
  args.searched.mirrored = true;
  args.searched.insert(1);
  std::vector<std::int32_t> table(3 * kRows, 7);
  std::vector<std::uint32_t> flags(5, 7);
  args.table = table.data();
  args.table_rows = kRows;
  args.flags = flags.data();
  args.flag_words = static_cast<std::int64_t>(flags.size());
  launch("write_keys", nullptr, {.blocks = 1, .threads = 32}, write_keys_kernel<Key32>, args);
  std::vector<std::int32_t> expected(table.size(), -1);
  std::fill_n(expected.begin() + kRows, kRows, 7);
  EXPECT_EQ(table, expected);
  EXPECT_EQ(flags, std::vector<std::uint32_t>(5, 0));
}

INSTANTIATE_TEST_SUITE_P(Engines, MapForms,
                         ::testing::Values(emulator::Engine::fibers, emulator::Engine::threads),
                         [](const auto& info) {
                           return info.param == emulator::Engine::fibers ? "fibers" : "threads";
                         });

}  // namespace
}  // namespace gavotte::internal::cuda
