// Row kernels launched by hand: grids smaller than the work, row counts that only the device knows.
// Small, so that they run on both engines and under ThreadSanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "cpu/global_pooling.h"
#include "cuda/elementwise.cuh"
#include "cuda/global_pooling.cuh"
#include "cuda/pooling.cuh"
#include "cuda/sort_coordinates.cuh"
#include "cuda/transpose.cuh"
#include "cuda_cases.h"
#include "emulator.h"

namespace gavotte::internal::cuda {
namespace {

using namespace testing_cuda;

class RowKernels : public ::testing::TestWithParam<emulator::Engine> {
 protected:
  RowKernels() {
    emulator::options().engine = GetParam();
    emulator::options().block_order_seed = 7;
  }
  ~RowKernels() override { emulator::reset_options(); }
};

TEST_P(RowKernels, GlobalPoolingOnFewBlocks) {
  std::mt19937 random(1);
  std::vector<Coordinate> rows;
  for (int i = 0; i < 700; ++i) rows.push_back({i < 600 ? 1 : 2, i});
  std::shuffle(rows.begin(), rows.end(), random);
  const Coordinates set(coordinate_tensor(rows, 1));
  constexpr std::int64_t kEntries = 4, kChannels = 3;
  const Tensor x = tensor(DType::float32, {700, kChannels}, quarters(random, 700 * kChannels));
  const EntryRows entry_rows{set.lattice().span<std::int32_t>().data(),
                             set.order().span<std::int32_t>().data(), 2, RowCount{700}};
  std::vector<std::int64_t> begin(kEntries + 1, -1);
  launch("mark_entries", nullptr, {.blocks = 2, .threads = 64}, mark_entries_kernel,
         {entry_rows, kEntries, begin.data()});
  EXPECT_EQ(begin, (std::vector<std::int64_t>{0, 0, 600, 700, 700}));

  const LaunchShape shape{
      .blocks = 2, .threads = kRowThreads, .shared_bytes = sizeof(JoinShared<float, 1>)};
  const RowLanes lanes = RowLanes::for_items(kChannels);
  std::vector<float> partial(static_cast<std::size_t>(slot_count(700, kEntries) * kChannels));
  launch("reduce_chunks", nullptr, shape, reduce_chunks_kernel<float, 1>,
         {entry_rows, begin.data(), kEntries, x.span<float>().data(), partial.data(), kChannels,
          false, lanes});
  Tensor y(DType::float32, {kEntries, kChannels}), expected(DType::float32, {kEntries, kChannels});
  launch("join_chunks", nullptr, shape, join_chunks_kernel<float, 1>,
         {begin.data(), kEntries, partial.data(), y.span<float>().data(), kChannels, PoolMode::sum,
          lanes});
  cpu::global_pool_forward({}, *set.data(), PoolMode::sum, x, expected);
  EXPECT_EQ(doubles(y), doubles(expected));  // quarters: sums are exact in any order
}

TEST_P(RowKernels, WinnersDoNotDependOnTheOrderOfAtomics) {
  const Coordinates set(coordinate_tensor({{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}}, 1));
  const Tensor x = tensor(DType::float32, {5, 1}, {1, 2, 2, 0, 0});
  const Tensor y = tensor(DType::float32, {2, 1}, {2, 0});
  std::vector<std::uint32_t> winners(2, 0xffffffffU);
  const EntryRows entry_rows{set.lattice().span<std::int32_t>().data(), nullptr, 2, RowCount{5}};
  launch("find_first_equal", nullptr, {.blocks = 1, .threads = kRowThreads},
         find_first_equal_kernel<float, 1>,
         {entry_rows, x.span<float>().data(), y.span<float>().data(), winners.data(), 1,
          RowLanes::for_items(1)});
  EXPECT_EQ(winners, (std::vector<std::uint32_t>{1, 3}));
}

TEST_P(RowKernels, CountsThatOnlyTheDeviceKnows) {
  const std::vector<float> x(40, 2.0F);
  std::vector<float> y(40, -1.0F);
  const std::int64_t rows = 3;
  const auto written = [&] { return std::count(y.begin(), y.end(), 2.0F); };
  launch("apply_epilogue", nullptr, {.blocks = 2, .threads = kRowThreads},
         apply_epilogue_kernel<float, 4>,
         {x.data(), y.data(), RowCount{10, &rows}, 4, {}, RowLanes::for_items(1)});
  EXPECT_EQ(written(), 12);
  std::fill(y.begin(), y.end(), -1.0F);
  launch(
      "move_rows", nullptr, {.blocks = 1, .threads = kRowThreads}, move_rows_kernel<float>,
      {x.data(), y.data(), nullptr, nullptr, RowCount{8, &rows}, 5, 5, 5, RowLanes::for_items(5)});
  EXPECT_EQ(written(), 15);
  std::fill(y.begin(), y.end(), -1.0F);
  const std::vector<std::int32_t> table(20, 0);
  launch("pool_rows", nullptr, {.blocks = 1, .threads = kRowThreads}, pool_rows_kernel<float, 1>,
         {x.data(), y.data(), MapTable{table.data(), 10, 2}, RowCount{10, &rows}, 4,
          PoolMode::average_present, RowLanes::for_items(4)});
  EXPECT_EQ(written(), 12);
}

TEST_P(RowKernels, ACountBelowZeroIsNoRows) {
  for (const std::int64_t wanted : {-1, 0, 4, 9}) {
    SetFacts facts;
    launch("take_count", nullptr, {.threads = 1}, take_count_kernel,
           {RowCount{6, &wanted}, &facts});
    EXPECT_EQ(facts.wanted, wanted);
    EXPECT_EQ(facts.count, std::clamp<std::int64_t>(wanted, 0, 6));
  }
}

TEST_P(RowKernels, TransposesSeveralTilesInABlock) {
  constexpr std::int64_t kRows = 70, kColumns = 40;
  std::vector<std::uint32_t> x(kRows * kColumns), y(x.size());
  std::iota(x.begin(), x.end(), 0U);
  launch("transpose", nullptr,
         {.threads = kTransposeThreads, .shared_bytes = sizeof(TransposeShared<std::uint32_t>)},
         transpose_kernel<std::uint32_t>, {x.data(), y.data(), 1, 1, kRows, kColumns});
  for (std::size_t i = 0; i < y.size(); ++i)
    ASSERT_EQ(y[i], i % kRows * kColumns + i / kRows) << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(Engines, RowKernels,
                         ::testing::Values(emulator::Engine::fibers, emulator::Engine::threads),
                         [](const auto& info) {
                           return info.param == emulator::Engine::fibers ? "fibers" : "threads";
                         });

}  // namespace
}  // namespace gavotte::internal::cuda
