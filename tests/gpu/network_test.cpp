// Whole networks: without waits, captured in a graph, on several streams and threads; the same bits on
// each run.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "fixed_run_cases.h"
#include "gavotte/error.h"
#include "network/small_network.h"
#include "ops/values.h"
#include "streams.h"

namespace gavotte::testing_gpu {
namespace {

using testing_ops::bytes_of;

class FixedRun : public OnGpu {};

std::vector<std::byte> host_bytes(const ConstTensorView& view) {
  return bytes_of(Tensor::copy_to(Device::cpu(), view));
}

test::Scan scan_of(std::int64_t voxels) {
  return test::make_scan(voxels, 12, 3, 5 + static_cast<std::uint64_t>(voxels));
}

TEST_F(FixedRun, GivesWhatTheCpuGivesForScansOfManySizes) {
  const Network network = test::small_network();
  Executor fixed(network, fixed_options()), cpu(network);
  Input input(3);
  for (const std::int64_t voxels : {100, 7, 150, 1, 60}) {
    SCOPED_TRACE(voxels);
    const test::Scan scan = test::make_scan(voxels, 12, 3, 5 + static_cast<std::uint64_t>(voxels));
    input.set(scan);
    fixed.enqueue(input.coordinates, input.features, input.count);
    const Result given = fixed.collect();
    EXPECT_EQ(given.stats.voxels, scan.coordinates.rows());
    expect_close(given, cpu.run(scan.coordinates, scan.features));
  }
}

TEST_F(FixedRun, OfNoRowsGivesNone) {
  Executor fixed(test::small_network(), fixed_options());
  Input input(3);
  input.set(test::make_scan(20, 12, 3, 1), 0);
  fixed.enqueue(input.coordinates, input.features, input.count);
  EXPECT_EQ(fixed.collect().features.shape, Shape({0, 5}));
}

TEST_F(FixedRun, TakesRowsInAnyOrderAndSeveralScans) {
  const Network network = test::small_network();
  Executor fixed(network, fixed_options()), cpu(network);
  Input input(3);
  test::Scan scan = test::make_scan(50, 12, 3, 3, {0, 1});
  const std::int64_t rows = scan.coordinates.rows();
  for (std::int64_t a = 0, b = rows - 1; a < b; ++a, --b) {
    for (int c = 0; c < 4; ++c)
      std::swap(scan.coordinates.span<std::int32_t>()[static_cast<std::size_t>(4 * a + c)],
                scan.coordinates.span<std::int32_t>()[static_cast<std::size_t>(4 * b + c)]);
    for (int c = 0; c < 3; ++c)
      std::swap(scan.features.span<float>()[static_cast<std::size_t>(3 * a + c)],
                scan.features.span<float>()[static_cast<std::size_t>(3 * b + c)]);
  }
  input.set(scan);
  fixed.enqueue(input.coordinates, input.features, input.count);
  expect_close(fixed.collect(), cpu.run(scan.coordinates, scan.features));
}

TEST_F(FixedRun, SaysWhatWasWrongAndGoesOn) {
  const Network network = test::small_network();
  Executor fixed(network, fixed_options()), cpu(network);
  Input input(3);
  const test::Scan good = test::make_scan(40, 12, 3, 2);
  const auto problem = [&]() -> std::string {
    fixed.enqueue(input.coordinates, input.features, input.count);
    try {
      fixed.collect();
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  };
  input.set(good, kRoom + 1);
  EXPECT_NE(problem().find("at most 160 rows"), std::string::npos) << problem();
  test::Scan outside = test::make_scan(40, 12, 3, 2);
  outside.coordinates.span<std::int32_t>()[4 * 3 + 2] = 8;
  input.set(outside);
  EXPECT_NE(problem().find("row 3 is outside"), std::string::npos) << problem();
  test::Scan twice = test::make_scan(40, 12, 3, 2);
  std::copy_n(twice.coordinates.span<std::int32_t>().data(), 4,
              twice.coordinates.span<std::int32_t>().data() + 4 * 6);
  input.set(twice);
  EXPECT_NE(problem().find("rows 0 and 6 are equal"), std::string::npos) << problem();

  input.set(good);
  fixed.enqueue(input.coordinates, input.features, input.count);
  expect_close(fixed.collect(), cpu.run(good.coordinates, good.features));
}

TEST_F(FixedRun, NeedsItsOptionsAndTheRightViews) {
  const Network network = test::small_network();
  Input input(3);
  input.set(test::make_scan(10, 12, 3, 2));
  const auto refused = [&](Executor& executor, ConstTensorView coordinates,
                           ConstTensorView features, ConstTensorView count) {
    EXPECT_THROW(executor.enqueue(coordinates, features, count), Error);
  };
  Executor without(network, {.device = kCuda});
  refused(without, input.coordinates, input.features, input.count);
  Executor fixed(network, fixed_options());
  EXPECT_THROW(fixed.collect(), Error);
  refused(fixed, input.coordinates, input.features, input.coordinates);
  refused(fixed, input.features, input.features, input.count);
  refused(fixed, input.coordinates, input.coordinates, input.count);
  refused(fixed, Tensor(DType::int32, {kRoom, 4}), input.features, input.count);
  ExecutorOptions on_cpu = fixed_options();
  on_cpu.device = Device::cpu();
  Executor cpu(network, on_cpu);
  refused(cpu, Tensor(DType::int32, {kRoom, 4}), Tensor(DType::float32, {kRoom, 3}),
          Tensor(DType::int64, {1}));
}

TEST_F(FixedRun, WaitsInCollectAlone) {
  Executor fixed(test::small_network(), fixed_options());
  Input input(3);
  for (const std::int64_t voxels : {90, 140}) {
    input.set(scan_of(voxels));
    const std::int64_t before = waits();
    fixed.enqueue(input.coordinates, input.features, input.count);
    EXPECT_EQ(waits(), before);
    fixed.collect();
    EXPECT_EQ(waits(), before + 1);
  }
}

/// An Executor on a stream of its own, its input, and a graph of one of its runs.
struct Captured {
  Network network = test::small_network();
  Stream stream = make_stream();
  Executor fixed{network, fixed_options(stream)};
  Executor cpu{network};
  Input input{3, DType::float32, stream};
  std::unique_ptr<Graph> graph;

  void enqueue() { fixed.enqueue(input.coordinates, input.features, input.count); }
  Captured() {
    input.set(scan_of(20));
    enqueue();  // takes the memory
    capture();
  }
  void capture() {
    graph = std::make_unique<Graph>(stream, [this] { enqueue(); });
  }
  void expect_replay_is_right(std::int64_t voxels) {
    SCOPED_TRACE(voxels);
    const test::Scan scan = scan_of(voxels);
    input.set(scan);
    graph->replay();
    expect_close(fixed.collect(), cpu.run(scan.coordinates, scan.features));
  }
};

TEST_F(FixedRun, ACapturedGraphReplaysOnScansOfOtherSizes) {
  Captured captured;
  for (const std::int64_t voxels : {100, 7, 150, 1, 60}) captured.expect_replay_is_right(voxels);
  captured.input.set(scan_of(30), 0);
  captured.graph->replay();
  EXPECT_EQ(captured.fixed.collect().features.shape, Shape({0, 5}));
  captured.input.set(scan_of(30), kRoom + 1);
  captured.graph->replay();
  EXPECT_THROW(captured.fixed.collect(), Error);
  captured.expect_replay_is_right(80);
}

TEST_F(FixedRun, GraphsOfScansOfAnySizeAreAlike) {
  Captured captured;
  const std::size_t nodes = captured.graph->nodes();
  EXPECT_GT(nodes, 10U);
  for (const std::int64_t voxels : {3, 140}) {
    captured.input.set(scan_of(voxels));
    captured.capture();
    EXPECT_EQ(captured.graph->nodes(), nodes);
    captured.expect_replay_is_right(50);
  }
}

/// Its memory is its own: runs of other kinds that need more memory, and other places in it.
TEST_F(FixedRun, AGraphOutlivesOtherRunsOfItsExecutor) {
  Captured captured;
  captured.expect_replay_is_right(100);
  const test::Scan large = test::make_scan(75, 12, 3, 4, {0, 1});
  const Tensor coordinates = large.coordinates.to(kCuda);
  const Tensor features = convert(large.features, DType::float64).to(kCuda);  // takes room as well
  for (int i = 0; i < 2; ++i) {
    const Result between = captured.fixed.run(coordinates, features);
    expect_close(between, captured.cpu.run(large.coordinates, large.features));
    captured.expect_replay_is_right(90 + i);
  }
}

TEST_F(FixedRun, AGraphOutlivesFurtherCallsOfEnqueue) {
  Captured captured;
  for (int i = 1; i < 6; ++i) {
    const test::Scan scan = scan_of(20 * i);
    captured.input.set(scan);
    captured.enqueue();
    expect_close(captured.fixed.collect(), captured.cpu.run(scan.coordinates, scan.features));
    captured.expect_replay_is_right(150 - 10 * i);
  }
}

TEST_F(FixedRun, CollectGivesWhatWasEnqueuedWhateverRanSince) {
  const Network network = test::small_network();
  Executor fixed(network, fixed_options()), cpu(network);
  const test::Scan scan = scan_of(60), other = scan_of(140);
  Input input(3);
  input.set(scan);
  fixed.enqueue(input.coordinates, input.features, input.count);
  fixed.run(other.coordinates.to(kCuda), other.features.to(kCuda));
  expect_close(fixed.collect(), cpu.run(scan.coordinates, scan.features));
}

class Networks : public OnGpu {};

TEST_F(Networks, GiveTheSameBitsOnEachRun) {
  for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
    SCOPED_TRACE(name(dtype));
    ExecutorOptions options = fixed_options();
    options.dtype = dtype;
    Executor executor(test::small_network(), options);
    const test::Scan scan = scan_of(150);
    const Tensor coordinates = scan.coordinates.to(kCuda), features = scan.features.to(kCuda);
    Input input(3, dtype);
    input.set(scan);
    std::vector<std::byte> of_run, of_enqueue;
    for (std::int64_t i = 0; i < sized(3, 20); ++i) {
      shuffle_blocks(static_cast<std::uint64_t>(i) + 1);
      const std::vector<std::byte> run = host_bytes(executor.run(coordinates, features).features);
      executor.enqueue(input.coordinates, input.features, input.count);
      const std::vector<std::byte> enqueued = host_bytes(executor.collect().features);
      if (i == 0) of_run = run, of_enqueue = enqueued;
      ASSERT_EQ(run, of_run) << "run " << i;
      ASSERT_EQ(enqueued, of_enqueue) << "run " << i;
    }
  }
}

TEST_F(Networks, RunOnSeveralStreamsAndThreads) {
  const Network network = test::small_network();
  const auto voxels_of = [](int thread, int i) { return std::int64_t{20} * (i + 1) + thread; };
  constexpr int kThreads = 4, kRuns = 4;
  std::vector<std::vector<Result>> expected(kThreads);
  std::vector<Executor> on_cpu;  // of each result, which lies in its arena
  on_cpu.reserve(kThreads * kRuns);
  for (int thread = 0; thread < kThreads; ++thread)
    for (int i = 0; i < kRuns; ++i) {
      const test::Scan scan = scan_of(voxels_of(thread, i));
      expected[static_cast<std::size_t>(thread)].push_back(
          on_cpu.emplace_back(network).run(scan.coordinates, scan.features));
    }
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&, thread] {
      const Stream stream = make_stream();
      Executor executor(network, fixed_options(stream));
      Input input(3, DType::float32, stream);
      for (int i = 0; i < kRuns; ++i) {
        const test::Scan scan = scan_of(voxels_of(thread, i));
        const Result& right =
            expected[static_cast<std::size_t>(thread)][static_cast<std::size_t>(i)];
        input.set(scan);
        executor.enqueue(input.coordinates, input.features, input.count);
        expect_close(executor.collect(), right);
        expect_close(executor.run(scan.coordinates.to(kCuda), scan.features.to(kCuda)), right);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Networks, TheBuiltInOnesGiveWhatTheCpuGives) {
  for (const std::string_view name : builtin_networks()) {
    if (sized(0, 1) == 0 && name != "sparse_resnet21d") continue;  // many minutes
    SCOPED_TRACE(name);
    const Network network = make_network(name, 4, 20);
    const test::Scan scan =
        test::make_scan(sized(30, 20'000), static_cast<std::int32_t>(sized(12, 100)), 4, 3);
    Executor on_gpu(network, {.device = kCuda}), on_cpu(network);
    const Result given = on_gpu.run(scan.coordinates.to(kCuda), scan.features.to(kCuda));
    const Result expected = on_cpu.run(scan.coordinates, scan.features);
    ASSERT_EQ(given.features.shape, expected.features.shape);
    const Tensor values = Tensor::copy_to(Device::cpu(), given.features);
    const auto x = values.span<float>(), y = expected.features.span<float>();
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(y[i])));
      difference = std::max(difference, std::abs(static_cast<double>(x[i]) - y[i]));
    }
    EXPECT_LE(difference, 1e-4 * largest);  // 42 layers of sums in another order
  }
}

}  // namespace
}  // namespace gavotte::testing_gpu
