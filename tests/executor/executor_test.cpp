// The Executor's promises: same bits, empty scans, limits, reuse, errors that leave it usable.
#include "gavotte/executor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <thread>

#include "executor/plan.h"
#include "executor/scene.h"
#include "executor/weights.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::bytes_of;
using test::expect_error;
using test::make_scan;
using test::Scan;

TEST(Executor, SameBitsForEveryRunAndThreadCount) {
  const Network network = sparse_resnet21d(3, 4);
  const Scan scan = make_scan(3000, 24, 3, 1);
  Executor one(network, {.threads = 1});
  const std::vector<std::byte> expected = bytes_of(one.run(scan.coordinates, scan.features));
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(bytes_of(one.run(scan.coordinates, scan.features)), expected);
  for (int threads : {2, 3}) {
    Executor more(network, {.threads = threads});
    EXPECT_EQ(bytes_of(more.run(scan.coordinates, scan.features)), expected) << threads;
  }
}

TEST(Executor, FusesAllButConvolutionsOfTheSmallNetwork) {
  const internal::Plan plan = internal::make_plan(test::small_network());
  std::vector<std::string> steps;
  for (const internal::PlanStep& step : plan.steps) steps.push_back(step.name);
  EXPECT_EQ(steps, (std::vector<std::string>{
                       "stem+stem.bn+stem.relu", "a+a.bn+residual+residual.relu", "down", "pooled",
                       "coarse", "up", "joined", "joined.bn+joined.act", "classifier"}));
  EXPECT_EQ(plan.maps.size(), 3u);  // submanifold, strided (shared with the pool), inverse
  const Executor executor(test::small_network());
  EXPECT_NE(executor.plan().find("stem+stem.bn+stem.relu"), std::string::npos);
}

TEST(Executor, DropsDeadLayers) {
  NetworkBuilder net;
  const std::string x = net.input(2);
  net.convolution("dead", x, 64, ConvSpec::strided(3, 2, 1));
  net.linear("alive", x, 3);
  const internal::Plan plan = internal::make_plan(net.build("alive"));
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(plan.steps[0].name, "alive");
  EXPECT_TRUE(plan.maps.empty());
}

TEST(Executor, KeepsWhatAnotherLayerReads) {
  // The convolution's own output is read twice, so the activation may not join it; and a sum comes after an activation.
  NetworkBuilder net;
  const std::string conv = net.convolution("conv", net.input(2), 2, ConvSpec::submanifold(3));
  const std::string act = net.activation("act", conv);
  const internal::Plan plan = internal::make_plan(net.build(net.add("sum", act, conv)));
  ASSERT_EQ(plan.steps.size(), 3u);
  EXPECT_EQ(plan.steps[0].name, "conv");
  EXPECT_EQ(plan.steps[1].name, "act");
  EXPECT_EQ(plan.steps[2].name, "sum");
}

TEST(Executor, EmptyScanGivesNoRows) {
  for (std::string_view name : builtin_networks()) {
    Executor executor(make_network(name, 4, 3));
    const Result result = executor.run(Voxels{});
    EXPECT_EQ(result.features.shape, (Shape{0, 3}));
    EXPECT_EQ(result.argmax().rows(), 0);
    EXPECT_EQ(result.stats.voxels, 0);
    const Scan scan = make_scan(50, 8, 4, 2);
    EXPECT_GT(executor.run(scan.coordinates, scan.features).features.rows(), 0);
  }
}

TEST(Executor, BatchEntriesDoNotMeet) {
  // Entry 1 is empty. Each entry alone gives the rows that it has in the batch.
  const Network network = test::small_network();
  Executor executor(network);
  const Scan both = make_scan(400, 12, 3, 3, {0, 2});
  const std::vector<std::byte> joint = bytes_of(executor.run(both.coordinates, both.features));
  std::vector<std::byte> apart;
  for (std::int32_t entry : {0, 2}) {
    std::vector<std::int32_t> coordinates;
    std::vector<float> features;
    for (std::int64_t row = 0; row < both.coordinates.rows(); ++row) {
      const auto c =
          both.coordinates.span<std::int32_t>().subspan(static_cast<std::size_t>(row * 4), 4);
      const auto f = both.features.span<float>().subspan(static_cast<std::size_t>(row * 3), 3);
      if (c[0] != entry) continue;
      coordinates.insert(coordinates.end(), c.begin(), c.end());
      features.insert(features.end(), f.begin(), f.end());
    }
    const auto rows = static_cast<std::int64_t>(features.size() / 3);
    const auto part = bytes_of(executor.run(ConstTensorView(coordinates.data(), Shape{rows, 4}),
                                            ConstTensorView(features.data(), Shape{rows, 3})));
    apart.insert(apart.end(), part.begin(), part.end());
  }
  ASSERT_EQ(joint.size(), apart.size());
  for (std::size_t i = 0; i < joint.size(); i += 4) {
    float a = 0, b = 0;
    std::memcpy(&a, &joint[i], 4);
    std::memcpy(&b, &apart[i], 4);
    ASSERT_NEAR(a, b, 1e-5) << i / 4;
  }
}

TEST(Executor, GlobalPoolCountsTrailingEmptyScans) {
  NetworkBuilder net;
  Executor executor(
      net.build(net.linear("head", net.global_pool("pool", net.input(2), PoolMode::sum), 3)));
  const Scan scan = make_scan(20, 6, 2, 4, {0, 1});
  Voxels voxels;
  voxels.coordinates = scan.coordinates;
  voxels.features = scan.features;
  voxels.scan_starts = {0, 20, 40, 40};
  const Result result = executor.run(voxels);
  EXPECT_EQ(result.features.shape, (Shape{3, 3}));
  EXPECT_FALSE(static_cast<bool>(result.coordinates));
}

TEST(Executor, ArenaIsSmallerThanTheBuffers) {
  const Network network = sparse_res_unet42(3, 4);
  Executor executor(network);
  const Scan scan = make_scan(600, 14, 3, 5);
  const Result first = executor.run(scan.coordinates, scan.features);
  std::int64_t sum = 0;
  for (const LayerStats& layer : first.stats.layers)
    sum += layer.out_voxels * layer.out_channels * 4;
  EXPECT_GT(first.stats.arena_bytes, 0);
  EXPECT_LT(first.stats.arena_bytes, sum / 4);
  EXPECT_GT(first.stats.peak_bytes, first.stats.arena_bytes);
  const void* memory = first.features.data;
  const Scan smaller = make_scan(200, 14, 3, 6);
  const std::int64_t before = first.stats.arena_bytes;
  EXPECT_EQ(executor.run(smaller.coordinates, smaller.features).stats.arena_bytes, before);
  EXPECT_EQ(executor.run(scan.coordinates, scan.features).features.data, memory);
}

TEST(Executor, MaxVoxelsIsALimitThatLeavesItUsable) {
  Executor executor(test::small_network(), {.max_voxels = 300});
  const Scan large = make_scan(1000, 12, 3, 7);
  const Scan fits = make_scan(200, 12, 3, 8);
  const Result before = executor.run(fits.coordinates, fits.features);
  const std::vector<std::byte> expected = bytes_of(before);
  expect_error("at most max_voxels = 300 voxels",
               [&] { executor.run(large.coordinates, large.features); });
  const Result after = executor.run(fits.coordinates, fits.features);
  EXPECT_EQ(bytes_of(after), expected);
  EXPECT_EQ(after.stats.arena_bytes, before.stats.arena_bytes);
}

TEST(Executor, RefusesWrongInputAndStaysUsable) {
  Executor executor(test::small_network());
  const Scan scan = make_scan(100, 8, 3, 9);
  const std::vector<std::byte> expected = bytes_of(executor.run(scan.coordinates, scan.features));
  const std::int64_t rows = scan.coordinates.rows();
  expect_error("expected features", [&] {
    executor.run(scan.coordinates, Tensor::zeros(DType::float32, Shape{rows, 4}));
  });
  expect_error("expected features", [&] {
    executor.run(scan.coordinates, Tensor::zeros(DType::float32, Shape{rows - 1, 3}));
  });
  expect_error("floating-point", [&] {
    executor.run(scan.coordinates, Tensor::zeros(DType::int32, Shape{rows, 3}));
  });
  expect_error("expected coordinates [N, 4]", [&] {
    executor.run(Tensor::zeros(DType::int32, Shape{rows, 3}), scan.features);
  });
  EXPECT_THROW(executor.run(Tensor::zeros(DType::int32, Shape{rows, 4}), scan.features),
               Error);  // duplicates
  EXPECT_THROW(executor.run(Tensor::zeros(DType::float32, Shape{rows, 4}), scan.features), Error);
  const auto* const nothing = static_cast<const float*>(nullptr);
  expect_error("features [" + std::to_string(rows) + ", 3] has no memory", [&] {
    executor.run(scan.coordinates, ConstTensorView(nothing, Shape{rows, 3}));
  });
  EXPECT_EQ(bytes_of(executor.run(scan.coordinates, scan.features)), expected);
}

TEST(Executor, RefusesWrongOptions) {
  const Network network = test::small_network();
  EXPECT_THROW(Executor(network, {.dtype = DType::int32}), Error);
  for (const std::int64_t voxels : {std::int64_t{-1}, std::int64_t{1} << 31, std::int64_t{1} << 62})
    expect_error("max_voxels expects 0 (no limit) to 2147483647",
                 [&] { Executor(network, {.max_voxels = voxels}); });
  EXPECT_THROW(Executor(network, {.threads = -1}), Error);
  EXPECT_THROW(Executor(network, {.device = {DeviceKind::cuda, 63}}), Error);
  EXPECT_THROW(Executor(Network{}), Error);
}

TEST(Executor, SharesTheNetworksWeights) {
  const Network network = test::small_network();
  const auto weights =
      internal::make_weights(internal::make_plan(network), network, DType::float32, {});
  EXPECT_EQ(weights[0].matrix.data, network.parameter("stem.weight").view().data);
}

// Packed once: what the network's own memory holds later does not matter.
TEST(Executor, RunsReadPackedWeightsAlone) {
  const Network network = test::small_network();
  const Scan scan = make_scan(500, 12, 3, 10);
  Executor executor(network, {.threads = 1});
  const Result first = executor.run(scan.coordinates, scan.features);
  EXPECT_GT(first.stats.weight_bytes, 0);
  const std::vector<std::byte> expected = bytes_of(first);
  Tensor weight = network.parameter("stem.weight");
  const Tensor kept = weight.clone();
  const auto bytes = static_cast<std::size_t>(weight.view().bytes());
  std::memset(weight.data(), 0xff, bytes);  // NaN
  EXPECT_EQ(bytes_of(executor.run(scan.coordinates, scan.features)), expected);
  Executor poisoned(network, {.threads = 1});
  EXPECT_NE(bytes_of(poisoned.run(scan.coordinates, scan.features)), expected);
  std::memcpy(weight.data(), kept.data(), bytes);
  Executor again(network, {.threads = 1});
  EXPECT_EQ(bytes_of(again.run(scan.coordinates, scan.features)), expected);
}

TEST(Executor, OneForEachThreadOnOneNetwork) {
  const Network network = test::small_network();
  const Scan scan = make_scan(500, 12, 3, 10);
  Executor alone(network, {.threads = 1});
  const std::vector<std::byte> expected = bytes_of(alone.run(scan.coordinates, scan.features));
  std::vector<std::vector<std::byte>> results(3);
  std::vector<std::thread> threads;
  for (auto& result : results)
    threads.emplace_back([&] {
      Executor executor(network, {.threads = 1});
      result = bytes_of(executor.run(scan.coordinates, scan.features));
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(Executor, AnOutputThatIsTheInputIsCopied) {
  NetworkBuilder net;
  Executor executor(net.build(net.input(2)));
  const Scan scan = make_scan(10, 6, 2, 11);
  const Result result = executor.run(scan.coordinates, scan.features);
  ASSERT_EQ(result.features.bytes(), std::as_const(scan.features).view().bytes());
  EXPECT_NE(result.features.data, std::as_const(scan.features).data());
  EXPECT_EQ(std::memcmp(result.features.data, std::as_const(scan.features).data(),
                        static_cast<std::size_t>(result.features.bytes())),
            0);
}

TEST(Executor, FillsStatistics) {
  Executor executor(test::small_network(), {.measure_padding = true});
  const Scan scan = make_scan(300, 10, 3, 12);
  const RunStats stats = executor.run(scan.coordinates, scan.features).stats;
  ASSERT_EQ(stats.layers.size(), 9u);
  const LayerStats& stem = stats.layers[0];
  EXPECT_EQ(stem.kernel, "3x3x3 s1 submanifold");
  EXPECT_EQ(stem.in_channels, 3);
  EXPECT_EQ(stem.out_channels, 6);
  EXPECT_EQ(stem.out_voxels, scan.coordinates.rows());
  EXPECT_GE(stem.pairs, stem.out_voxels);
  EXPECT_DOUBLE_EQ(stem.gflop, 2e-9 * static_cast<double>(stem.pairs) * 3 * 6);
  EXPECT_GE(stem.padding, 1.0);
  EXPECT_EQ(stats.layers[1].map_ms, 0.0);  // shares the stem's map
  EXPECT_EQ(stats.voxels, scan.coordinates.rows());
}

TEST(Executor, CallsProgressAfterEachStep) {
  std::vector<int> seen;
  ExecutorOptions options;
  options.progress = [&](int step, int steps) {
    EXPECT_EQ(steps, 9);
    seen.push_back(step);
  };
  Executor executor(test::small_network(), options);
  const Scan scan = make_scan(10, 6, 3, 13);
  executor.run(scan.coordinates, scan.features);
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

// A call from a callback comes in the middle of the run: it is refused, and changes nothing.
TEST(Executor, CallbacksMayNotRunIt) {
  const Scan scan = make_scan(200, 10, 3, 14);
  Executor* own = nullptr;
  ExecutorOptions options{.threads = 1};
  options.observe = [&](int, ConstTensorView) {
    expect_error("runs one scan at a time", [&] { own->run(scan.coordinates, scan.features); });
    expect_error("runs one scan at a time", [&] { own->resume(); });
    own->drop();
    EXPECT_FALSE(own->suspended());
  };
  Executor executor(test::small_network(), options), other(test::small_network(), {.threads = 1});
  own = &executor;
  const std::vector<std::byte> expected = bytes_of(other.run(scan.coordinates, scan.features));
  EXPECT_EQ(bytes_of(executor.run(scan.coordinates, scan.features)), expected);
}

TEST(Executor, CallbacksMayThrow) {
  const Scan scan = make_scan(200, 10, 3, 15);
  int left = 2;
  ExecutorOptions options{.threads = 1};
  options.progress = [&](int, int) {
    if (left > 0 && --left == 0) throw std::runtime_error("no time left");
  };
  Executor executor(test::small_network(), options);
  EXPECT_THROW(executor.run(scan.coordinates, scan.features), std::runtime_error);
  EXPECT_FALSE(executor.suspended());
  const std::vector<std::byte> expected = bytes_of(executor.run(scan.coordinates, scan.features));
  EvictionFlag flag;
  flag.set();
  ASSERT_TRUE(executor.run(scan.coordinates, scan.features, {.evict = &flag}).cancelled());
  left = 3;
  EXPECT_THROW(executor.resume(), std::runtime_error);
  ASSERT_TRUE(executor.suspended());  // an error of resume() leaves it so
  EXPECT_EQ(bytes_of(*executor.resume().result), expected);
}

TEST(Result, ArgmaxTakesTheFirstLargestAndNeverNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> scores = {1, 3, 3, nan, 2, 1, -5, nan, -4, nan, nan, nan};
  Result result;
  result.features = ConstTensorView(scores.data(), Shape{4, 3});
  const Tensor labels = result.argmax();
  const std::vector<std::int32_t> got(labels.span<std::int32_t>().begin(),
                                      labels.span<std::int32_t>().end());
  EXPECT_EQ(got, (std::vector<std::int32_t>{1, 1, 2, 0}));
}

}  // namespace
}  // namespace gavotte
