// Runs without waits: Executor::enqueue and collect on the emulated device, whose memory the host
// cannot touch.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cuda/launch.h"
#include "cuda/memory.h"
#include "executor/scene.h"
#include "gavotte/error.h"
#include "gavotte/executor.h"
#include "guarded_cuda.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using testing_cuda::kCuda;

constexpr std::int64_t kRoom = 160;  // voxels

ExecutorOptions fixed_options() {
  return {.device = kCuda,
          .max_voxels = kRoom,
          .bounds = CoordinateBounds{.lower = -8, .upper = 7, .batch_size = 2}};
}

/// The memory that a captured run would read, on the device.
struct Input {
  Tensor coordinates = Tensor(DType::int32, {kRoom, 4}, kCuda);
  Tensor features;
  Tensor count = Tensor(DType::int64, {1}, kCuda);

  explicit Input(std::int64_t channels) : features(DType::float32, {kRoom, channels}, kCuda) {}

  void set(const test::Scan& scan) { set(scan, scan.coordinates.rows()); }
  void set(const test::Scan& scan, std::int64_t rows) {
    upload(scan.coordinates, coordinates);
    upload(scan.features, features);
    const std::vector<std::int64_t> counts = {rows};
    upload(Tensor::from<std::int64_t>(counts, {1}), count);
  }
  static void upload(const Tensor& from, Tensor& to) {
    const auto& shape = from.shape();
    const Shape part = shape.rank() == 2 ? Shape{std::min(kRoom, shape[0]), shape[1]} : shape;
    internal::backend(kCuda).copy({.device = kCuda}, {to.data(), to.dtype(), part, kCuda},
                                  {from.data(), from.dtype(), part});
  }
};

/// Names and shapes of all launches while it lives.
class Recorder final : public internal::cuda::LaunchListener {
 public:
  Recorder() : before_(internal::cuda::set_launch_listener(this)) {}
  ~Recorder() override { internal::cuda::set_launch_listener(before_); }
  void on_launch(const internal::cuda::Launch& launch) override {
    launches.push_back(std::string(launch.name) + " " + std::to_string(launch.shape.blocks) + "x" +
                       std::to_string(launch.shape.blocks_y) + " of " +
                       std::to_string(launch.shape.threads) + " with " +
                       std::to_string(launch.shape.shared_bytes));
  }
  std::vector<std::string> launches;

 private:
  internal::cuda::LaunchListener* before_;
};

class FixedRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { testing_cuda::serve_guarded_cuda(); }
  void TearDown() override { emulator::options().execute = true; }

  static void expect_close(const Result& given, const Result& expected) {
    ASSERT_EQ(given.features.shape, expected.features.shape);
    const Tensor a = Tensor::copy_to(Device::cpu(), given.features);
    const auto x = a.span<float>();
    const auto y = expected.features.span<float>();
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 2e-5 * (1 + std::abs(y[i])));
    if (!expected.coordinates) return;
    const Tensor where = Tensor::copy_to(Device::cpu(), given.coordinates.lattice());
    const auto rows = expected.coordinates.lattice().span<std::int32_t>();
    ASSERT_TRUE(std::equal(rows.begin(), rows.end(), where.span<std::int32_t>().begin()));
  }
};

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

TEST_F(FixedRun, IsOneSequenceOfLaunchesWithoutWaitsOrNewMemory) {
  Executor fixed(test::small_network(), fixed_options());
  Input input(3);
  std::vector<std::string> first;
  std::int64_t bytes = 0;
  for (const std::int64_t voxels : {90, 3, 140, 0}) {
    SCOPED_TRACE(voxels);
    const test::Scan scan = test::make_scan(std::max<std::int64_t>(voxels, 1), 12, 3, 9);
    input.set(scan, voxels == 0 ? 0 : scan.coordinates.rows());
    const std::int64_t waits = internal::cuda::synchronizations();
    const Recorder recorder;
    fixed.enqueue(input.coordinates, input.features, input.count);
    EXPECT_EQ(internal::cuda::synchronizations(), waits);
    if (first.empty()) {
      first = recorder.launches;
      bytes = fixed.workspace_bytes();
      EXPECT_FALSE(first.empty());
      EXPECT_GT(bytes, 0);
    }
    EXPECT_EQ(recorder.launches, first);
    EXPECT_EQ(fixed.workspace_bytes(), bytes);
    fixed.collect();
    EXPECT_EQ(internal::cuda::synchronizations(), waits + 1);
  }
}

TEST_F(FixedRun, ASequenceOfTheBuiltInNetworkIsTheSameForEachSize) {
  emulator::options().execute = false;  // the launches alone
  Executor fixed(sparse_res_unet42(4, 20), fixed_options());
  Input input(4);
  std::vector<std::string> first;
  for (const std::int64_t voxels : {140, 30, 2}) {
    input.set(test::make_scan(voxels, 12, 4, 1));
    const Recorder recorder;
    fixed.enqueue(input.coordinates, input.features, input.count);
    if (first.empty()) first = recorder.launches;
    EXPECT_GT(first.size(), 42U);
    EXPECT_EQ(recorder.launches, first);
  }
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

}  // namespace
}  // namespace gavotte
