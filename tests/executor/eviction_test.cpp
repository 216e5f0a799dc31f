// Runs that are cut at their tile boundaries and resumed: the bits of an undisturbed run, whatever group was cut.
#include "gavotte/eviction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>

#include "executor/plan.h"
#include "executor/scene.h"
#include "gavotte/executor.h"
#include "gavotte/quantization.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::bytes_of;
using test::expect_error;
using test::make_scan;
using test::Scan;
using testing::ElementsAreArray;

/// Rows in no order, so that the output has to return to it.
Voxels shuffled(const Scan& scan) {
  const std::int64_t rows = scan.coordinates.rows(), channels = scan.features.shape()[1];
  Voxels voxels;
  voxels.coordinates = Tensor(DType::int32, scan.coordinates.shape());
  voxels.features = Tensor(DType::float32, scan.features.shape());
  constexpr std::int64_t kStep = 7919;  // prime, so that every row is met once
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t from = i * kStep % rows;
    std::memcpy(voxels.coordinates.span<std::int32_t>().data() + i * 4,
                scan.coordinates.span<std::int32_t>().data() + from * 4, 16);
    std::memcpy(voxels.features.span<float>().data() + i * channels,
                scan.features.span<float>().data() + from * channels,
                static_cast<std::size_t>(channels) * sizeof(float));
  }
  return voxels;
}

std::size_t map_count(const Network& network) { return internal::make_plan(network).maps.size(); }

/// The restart group of the small network's.
int first_step() { return static_cast<int>(1 + map_count(test::small_network())); }

/// Cuts each restart group at each of its boundaries in turn, and goes on; says which groups were cut.
Result run_in_pieces(Executor& executor, const Voxels& voxels, std::set<int>& groups,
                     std::int64_t& cuts) {
  EvictionFlag flag;
  flag.set();
  RunOutcome outcome = executor.run(voxels, {.evict = &flag});
  std::int64_t boundaries = 0;
  int group = 0;
  while (outcome.cancelled()) {
    EXPECT_TRUE(executor.suspended());
    EXPECT_TRUE(outcome.restart_group == group || outcome.restart_group == group + 1);
    if (outcome.restart_group != group) boundaries = 0;
    group = outcome.restart_group;
    groups.insert(group);
    ++cuts;
    flag.set_after(++boundaries);
    outcome = executor.resume({.evict = &flag});
  }
  EXPECT_FALSE(executor.suspended());
  return *outcome.result;
}

void expect_pieces_give_the_same(const Network& network, const Voxels& voxels,
                                 const ExecutorOptions& options) {
  Executor whole(network, options), cut(network, options);
  const Result expected = whole.run(voxels);
  const std::vector<std::byte> bytes = bytes_of(expected);
  std::set<int> groups;
  std::int64_t cuts = 0;
  const Result result = run_in_pieces(cut, voxels, groups, cuts);
  EXPECT_EQ(bytes_of(result), bytes);
  EXPECT_EQ(result.coordinates.rows(), expected.coordinates.rows());
  const std::size_t steps = expected.stats.layers.size();
  std::vector<int> all(1 + map_count(network) + steps + 1);  // the input, maps, steps, the return
  std::iota(all.begin(), all.end(), 0);
  EXPECT_THAT(groups, ElementsAreArray(all));
  EXPECT_GT(cuts, static_cast<std::int64_t>(2 * groups.size()));  // within groups as well
  EXPECT_EQ(result.stats.arena_bytes, expected.stats.arena_bytes);
  EXPECT_EQ(result.stats.peak_bytes, expected.stats.peak_bytes);
  EXPECT_EQ(result.stats.needed_bytes, expected.stats.needed_bytes);
  for (std::size_t i = 0; i < steps; ++i)
    EXPECT_EQ(result.stats.layers[i].pairs, expected.stats.layers[i].pairs);
  EXPECT_EQ(bytes_of(cut.run(voxels)), bytes);  // and afterwards
}

TEST(Eviction, EveryGroupOfASmallNetworkIsCutAtEveryBoundary) {
  const Voxels voxels = shuffled(make_scan(700, 12, 3, 11, {0, 1}));
  for (const int threads : {1, 2, 3})
    for (const DType dtype : {DType::float32, DType::bfloat16})
      expect_pieces_give_the_same(test::small_network(), voxels,
                                  {.dtype = dtype, .threads = threads});
  expect_pieces_give_the_same(
      test::small_network(), voxels,
      {.threads = 2, .conv_config = {.dataflow = Dataflow::gather_gemm_scatter, .tile_rows = 64}});
  expect_pieces_give_the_same(
      test::small_network(), voxels,
      {.threads = 2, .map_config = {.builder = MapBuilder::double_traversal}});
}

TEST(Eviction, EveryGroupOfAnInt8NetworkIsCutAtEveryBoundary) {
  const Voxels voxels = shuffled(make_scan(500, 12, 3, 12));
  const std::vector<Voxels> scans = {voxels};
  expect_pieces_give_the_same(quantize(test::small_network(), scans), voxels, {.threads = 2});
  expect_pieces_give_the_same(
      quantize(test::small_network(), {}, {.scales = ActivationScales::dynamic_row}), voxels,
      {.threads = 2});
}

TEST(Eviction, EveryGroupOfTheBuiltInNetworksIsCutAtEveryBoundary) {
  const Voxels voxels = shuffled(make_scan(150, 8, 4, 13));
  for (const int threads : {1, 3})
    expect_pieces_give_the_same(sparse_resnet21d(4, 5), voxels, {.threads = threads});
  // Once, for its time under ThreadSanitizer.
  expect_pieces_give_the_same(sparse_res_unet42(4, 5), voxels, {.threads = 2});
}

TEST(Eviction, RandomCutsWithOtherBudgetsGiveTheSame) {
  const Voxels voxels = shuffled(make_scan(700, 12, 3, 14));
  Executor executor(test::small_network(), {.threads = 2});
  const std::vector<std::byte> expected = bytes_of(executor.run(voxels));
  EvictionFlag flag;
  constexpr std::int64_t kMany = 1'000'000;
  flag.set_after(kMany);
  // More threads have smaller tiles, and so no fewer boundaries.
  ASSERT_FALSE(executor.run(voxels, {.evict = &flag, .threads = 1}).cancelled());
  const std::int64_t boundaries = kMany - flag.boundaries_left();
  ASSERT_GT(boundaries, 20);
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto draw = [&](std::uint64_t what) {
      return static_cast<std::int64_t>(internal::random_bits(77 + what, i) >> 1);
    };
    flag.set_after(draw(0) % boundaries);
    RunOutcome outcome =
        executor.run(voxels, {.evict = &flag, .threads = static_cast<int>(1 + draw(1) % 3)});
    ASSERT_TRUE(outcome.cancelled()) << i;
    outcome = executor.resume({.threads = static_cast<int>(1 + draw(2) % 3)});
    ASSERT_FALSE(outcome.cancelled()) << i;
    EXPECT_EQ(bytes_of(*outcome.result), expected) << i;
  }
}

// Tiles are cut to keep threads busy, so budgets may differ.
TEST(Eviction, BoundariesOfOneBudgetAreAlwaysTheSame) {
  const Voxels voxels = shuffled(make_scan(700, 12, 3, 15));
  for (const int threads : {1, 3}) {
    Executor executor(test::small_network(), {.threads = threads});
    std::set<std::int64_t> counts;
    for (int round = 0; round < 3; ++round) {
      EvictionFlag flag;
      flag.set_after(1'000'000);
      executor.run(voxels, {.evict = &flag});
      counts.insert(flag.boundaries_left());
    }
    EXPECT_EQ(counts.size(), 1U) << threads;
  }
}

TEST(Eviction, APreparedScanIsCutInItsSteps) {
  const Scan scan = make_scan(400, 12, 3, 16);
  Executor executor(test::small_network(), {.threads = 2});
  const std::vector<std::byte> expected = bytes_of(executor.run(scan.coordinates, scan.features));
  EvictionFlag flag;
  flag.set();
  RunOutcome outcome;
  {
    const PreparedScan prepared = executor.prepare(scan.coordinates, scan.features, 1);
    outcome = executor.run(prepared, {.evict = &flag});
  }
  EXPECT_TRUE(outcome.cancelled());
  EXPECT_EQ(outcome.restart_group, first_step());
  const PreparedScan next = executor.prepare(scan.coordinates, scan.features, 1);  // stays possible
  outcome = executor.resume();
  ASSERT_FALSE(outcome.cancelled());
  EXPECT_EQ(bytes_of(*outcome.result), expected);
  EXPECT_EQ(bytes_of(executor.run(next)), expected);
}

// In every group: the views may be gone by then.
TEST(Eviction, ViewsAreCopiedByASuspendedRun) {
  const Scan scan = make_scan(300, 10, 3, 17);
  Executor executor(test::small_network(), {.threads = 1});
  const std::vector<std::byte> expected = bytes_of(executor.run(scan.coordinates, scan.features));
  EvictionFlag flag;
  bool cancelled = true;
  for (std::int64_t boundaries = 0; cancelled; boundaries += 3) {
    flag.set_after(boundaries);
    Tensor coordinates = scan.coordinates.clone(), features = scan.features.clone();
    RunOutcome outcome = executor.run(coordinates, features, {.evict = &flag});
    cancelled = outcome.cancelled();
    if (cancelled) {
      std::memset(coordinates.data(), 0xff, static_cast<std::size_t>(coordinates.view().bytes()));
      std::memset(features.data(), 0xff, static_cast<std::size_t>(features.view().bytes()));
      outcome = executor.resume();
    }
    ASSERT_FALSE(outcome.cancelled());
    EXPECT_EQ(bytes_of(*outcome.result), expected) << boundaries;
  }
}

TEST(Eviction, AnEmptyScanIsCutBetweenItsGroups) {
  Executor executor(test::small_network(), {.threads = 2});
  std::set<int> groups;
  std::int64_t cuts = 0;
  EXPECT_EQ(run_in_pieces(executor, Voxels{}, groups, cuts).features.shape, (Shape{0, 5}));
  EXPECT_GT(groups.size(), map_count(test::small_network()));
}

// A caller's function is no part of the run: what it runs in there is not ended by the run's flag.
TEST(Eviction, CallbacksSeeEachStepOnceAndAreNotCut) {
  const Scan scan = make_scan(400, 12, 3, 18);
  Executor inner(test::small_network(), {.threads = 2});
  const std::vector<std::byte> expected = bytes_of(inner.run(scan.coordinates, scan.features));
  EvictionFlag flag;
  std::vector<int> seen;
  ExecutorOptions options{.threads = 2};
  options.observe = [&](int step, ConstTensorView) {
    seen.push_back(step);
    if (step == 2) flag.set();
    EXPECT_EQ(bytes_of(inner.run(scan.coordinates, scan.features)), expected);
  };
  Executor executor(test::small_network(), options);
  RunOutcome outcome = executor.run(scan.coordinates, scan.features, {.evict = &flag});
  ASSERT_TRUE(outcome.cancelled());
  EXPECT_EQ(outcome.restart_group, first_step() + 3);
  EXPECT_THAT(seen, testing::ElementsAre(0, 1, 2));
  outcome = executor.resume();
  ASSERT_FALSE(outcome.cancelled());
  EXPECT_EQ(bytes_of(*outcome.result), expected);
  EXPECT_EQ(seen.size(), outcome.result->stats.layers.size());
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(Eviction, ASuspendedExecutorRunsNothingElse) {
  const Scan scan = make_scan(200, 10, 3, 19);
  Executor executor(test::small_network(), {.threads = 1});
  const std::vector<std::byte> expected = bytes_of(executor.run(scan.coordinates, scan.features));
  expect_error("expects a suspended run, there is none", [&] { executor.resume(); });
  EvictionFlag flag;
  flag.set();
  ASSERT_TRUE(executor.run(scan.coordinates, scan.features, {.evict = &flag}).cancelled());
  expect_error("got one at restart group 0",
               [&] { executor.run(scan.coordinates, scan.features); });
  expect_error("threads must lie in", [&] { executor.resume({.threads = -1}); });
  ASSERT_TRUE(executor.suspended());
  Executor moved = std::move(executor);
  const RunOutcome outcome = moved.resume();
  ASSERT_FALSE(outcome.cancelled());
  EXPECT_EQ(bytes_of(*outcome.result), expected);

  ASSERT_TRUE(moved.run(scan.coordinates, scan.features, {.evict = &flag}).cancelled());
  moved.drop();
  EXPECT_FALSE(moved.suspended());
  moved.drop();
  EXPECT_EQ(bytes_of(moved.run(scan.coordinates, scan.features)), expected);
  expect_error("threads must lie in",
               [&] { moved.run(scan.coordinates, scan.features, {.threads = 5000}); });
  EXPECT_FALSE(moved.suspended());
}

TEST(Eviction, AnErrorLeavesNoSuspendedRun) {
  const Scan scan = make_scan(100, 8, 3, 20);
  Executor executor(test::small_network(), {.threads = 1});
  EvictionFlag flag;
  expect_error("expected features", [&] {
    executor.run(scan.coordinates, Tensor::zeros(DType::float32, Shape{1, 3}), {.evict = &flag});
  });
  EXPECT_FALSE(executor.suspended());
  EXPECT_FALSE(executor.run(scan.coordinates, scan.features, {.evict = &flag}).cancelled());
}

TEST(EvictionFlag, CountsDownToBeingSet) {
  EvictionFlag flag;
  EXPECT_FALSE(flag.is_set());
  EXPECT_FALSE(flag.stops_here());
  flag.set_after(2);
  EXPECT_FALSE(flag.is_set());
  EXPECT_FALSE(flag.stops_here());
  EXPECT_FALSE(flag.stops_here());
  EXPECT_TRUE(flag.is_set());
  EXPECT_TRUE(flag.stops_here());
  EXPECT_EQ(flag.boundaries_left(), 0);
  flag.clear();
  EXPECT_FALSE(flag.stops_here());
  flag.set();
  EXPECT_TRUE(flag.stops_here() && flag.is_set());
  flag.clear();
  expect_error("expects 0 or more", [&] { flag.set_after(-1); });
  EXPECT_FALSE(flag.is_set());
}

}  // namespace
}  // namespace gavotte
