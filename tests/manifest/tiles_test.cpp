// The preemption points of a manifest are the places where a run is cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "gavotte/quantization.h"
#include "manifest/profiled.h"

namespace gavotte {
namespace {

using manifest::Launch;
using manifest::Source;

/// How often each restart group of a run can be cut: at each boundary in turn, from its own first.
std::map<std::int64_t, std::int64_t> count_cuts(Executor& executor, const Voxels& voxels) {
  std::map<std::int64_t, std::int64_t> cuts;
  EvictionFlag flag;
  flag.set();
  RunOutcome outcome = executor.run(voxels, {.evict = &flag});
  while (outcome.cancelled()) {
    flag.set_after(++cuts[outcome.restart_group]);
    outcome = executor.resume({.evict = &flag});
  }
  return cuts;
}

void expect_points_are_cuts(const Network& network, const ExecutorOptions& options) {
  const Voxels voxels = test::make_voxels(900);
  const Manifest manifest = profile(network, voxels, options, test::kOnce);
  Executor executor(network, options);
  std::map<std::int64_t, std::int64_t> cuts = count_cuts(executor, voxels);
  std::int64_t points = 0;
  for (const Launch& launch : manifest.launches) {
    EXPECT_EQ(launch.safety.preemption_points.src, Source::measured);
    const std::int64_t tiles = *launch.safety.preemption_points.v;
    const std::int64_t cut = cuts[launch.safety.restart_group];
    if (launch.op == "map") {  // a coordinate set that is done stays, and its tiles are passed once
      EXPECT_GE(cut, 1);
      EXPECT_LE(cut, tiles + 1) << launch.kernel.key;
    } else {
      EXPECT_EQ(cut, tiles + 1) << launch.kernel.key;  // one lies before the launch
    }
    points += tiles;
  }
  EXPECT_GT(points, static_cast<std::int64_t>(manifest.launches.size()));
}

TEST(Tiles, ArePointsThatARunIsCutAt) {
  for (const int threads : {1, 3}) {
    expect_points_are_cuts(test::small_network(), {.threads = threads});
    expect_points_are_cuts(test::small_network(), {.dtype = DType::bfloat16, .threads = threads});
  }
  const std::vector<Voxels> scans = {test::make_voxels(300)};
  expect_points_are_cuts(quantize(test::small_network(), scans), {.threads = 2});
}

TEST(Tiles, BoundTheLatencyOfAStep) {
  constexpr int kThreads = 2;
  const Manifest manifest =
      profile(test::small_network(), test::make_voxels(900), {.threads = kThreads}, test::kOnce);
  int steps = 0;
  for (const Launch& launch : manifest.launches) {
    const double longest = *launch.duration_us.p99.v, latency = *launch.safety.latency_us.v;
    const std::int64_t tiles = *launch.safety.preemption_points.v;
    const bool step = launch.op != "input" && launch.op != "map" && launch.op != "return";
    if (!step || tiles == 0) {
      EXPECT_EQ(latency, longest) << launch.kernel.key;
      continue;
    }
    EXPECT_EQ(launch.safety.latency_us.src, Source::estimated);
    EXPECT_DOUBLE_EQ(latency, longest *
                                  static_cast<double>(std::min<std::int64_t>(kThreads, tiles)) /
                                  static_cast<double>(tiles));
    ++steps;
  }
  EXPECT_GE(steps, 6);
}

// What a caller's functions see is the rounds that he asked for.
TEST(Tiles, AreCountedWithoutTheCallersFunctions) {
  int calls = 0;
  ExecutorOptions options{.threads = 1};
  options.progress = [&](int, int) { ++calls; };
  profile(test::small_network(), test::make_voxels(100), options, {.rounds = 2, .warmup = 1});
  Executor executor(test::small_network(), options);
  const int before = calls;
  executor.run(test::make_voxels(100));
  EXPECT_EQ(before, 3 * (calls - before));
}

}  // namespace
}  // namespace gavotte
