// What runs without waits launch, on the emulated device. Their results: tests/gpu/network_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cuda/launch.h"
#include "cuda/memory.h"
#include "gpu/fixed_run_cases.h"
#include "guarded_cuda.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using testing_gpu::fixed_options;
using testing_gpu::Input;

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

class FixedRunLaunches : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { testing_cuda::serve_guarded_cuda(); }
  void TearDown() override { emulator::options().execute = true; }
};

TEST_F(FixedRunLaunches, AreOneSequenceWithoutWaitsOrNewMemory) {
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

TEST_F(FixedRunLaunches, OfTheBuiltInNetworkAreTheSameForEachSize) {
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

}  // namespace
}  // namespace gavotte
