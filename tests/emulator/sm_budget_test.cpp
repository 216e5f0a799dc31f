// Runs whose kernels have a budget of multiprocessors: the bits of a run without one, on grids within it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "cuda/launch.h"
#include "gpu/fixed_run_cases.h"
#include "launch_sharing.h"
#include "manifest/formula.h"
#include "network/expect_error.h"
#include "recorded.h"

namespace gavotte {
namespace {

using internal::Launch;
using test::expect_error;
using testing::HasSubstr;
using testing_cuda::device_voxels;
using testing_cuda::kCuda;
using testing_gpu::fixed_options;
using testing_gpu::Input;

std::vector<std::byte> host_bytes(const Result& result) {
  const Tensor copy = Tensor::copy_to(Device::cpu(), result.features);
  const auto* data = static_cast<const std::byte*>(copy.data());
  return {data, data + copy.view().bytes()};
}

/// All launches while it lives, and how many blocks of each a multiprocessor holds.
class Listener final : public internal::LaunchListener {
 public:
  Listener() : before_(internal::cuda::set_launch_listener(this)) {}
  ~Listener() override { internal::cuda::set_launch_listener(before_); }
  void on_launch(const Launch& launch) override {
    launches.push_back(launch);
    resident.push_back(internal::cuda::blocks_per_multiprocessor(launch));
  }
  std::int64_t blocks(std::size_t i) const {
    return launches[i].shape.blocks * launches[i].shape.blocks_y;
  }
  std::vector<Launch> launches;
  std::vector<std::int64_t> resident;

 private:
  internal::LaunchListener* before_;
};

class SmBudget : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { testing_cuda::serve_guarded_cuda(); }
  ~SmBudget() override { emulator::options().resident_blocks = 0; }
};

std::vector<ExecutorOptions> some_options() {
  return {{.device = kCuda},
          {.device = kCuda, .dtype = DType::bfloat16},
          {.device = kCuda,
           .map_config = {.builder = MapBuilder::double_traversal},
           .conv_config = {.dataflow = Dataflow::implicit_gemm}},
          {.device = kCuda, .conv_config = {.dataflow = Dataflow::minuet}}};
}

/// Each kernel's blocks of a run within `budget`; says how many of the run without one were more.
int expect_within(const Listener& whole, const Listener& bounded, int budget) {
  int cut = 0;
  EXPECT_EQ(bounded.launches.size(), whole.launches.size());
  for (std::size_t i = 0; i < bounded.launches.size(); ++i) {
    const std::int64_t most = budget * bounded.resident[i];
    EXPECT_STREQ(bounded.launches[i].name, whole.launches[i].name);
    EXPECT_LE(bounded.blocks(i), most) << bounded.launches[i].name;
    // No more is cut away than the rectangle of the grid asks for.
    if (whole.blocks(i) > most) {
      EXPECT_GT(2 * bounded.blocks(i), most) << bounded.launches[i].name;
      ++cut;
    } else {
      EXPECT_EQ(bounded.blocks(i), whole.blocks(i)) << bounded.launches[i].name;
    }
  }
  return cut;
}

TEST_F(SmBudget, GivesTheSameBitsOnSmallerGrids) {
  const Voxels voxels = device_voxels(1100);
  for (const ExecutorOptions& options : some_options())
    for (const Network& network : {test::small_network(), testing_cuda::pooled_network()}) {
      Executor executor(network, options);
      executor.run(voxels);
      Listener whole;
      const std::vector<std::byte> expected = host_bytes(executor.run(voxels));
      for (const int resident : {0, 2})
        for (const int budget : {1, 3}) {
          emulator::options().resident_blocks = resident;
          Listener bounded;
          const RunOutcome outcome = executor.run(voxels, {.multiprocessors = budget});
          EXPECT_EQ(host_bytes(*outcome.result), expected) << budget;
          const int cut = expect_within(whole, bounded, budget);
          if (resident == 2) {
            EXPECT_GT(cut, 5);
          }
        }
      emulator::options().resident_blocks = 0;
      EXPECT_EQ(host_bytes(executor.run(voxels)), expected);
    }
}

TEST_F(SmBudget, HoldsForTheBuiltInNetworks) {
  const Voxels voxels = device_voxels(300, 4);
  for (const Network& network : {sparse_resnet21d(4, 5), sparse_res_unet42(4, 5)}) {
    Executor executor(network, {.device = kCuda}),
        bounded(network, {.device = kCuda, .multiprocessors = 1});
    const std::vector<std::byte> expected = host_bytes(executor.run(voxels));
    emulator::options().resident_blocks = 2;
    EXPECT_EQ(host_bytes(bounded.run(voxels)), expected);
    EXPECT_EQ(host_bytes(*executor.run(voxels, {.multiprocessors = 3}).result), expected);
    emulator::options().resident_blocks = 0;
  }
}

/// The call's number goes before the Executor's; 0 takes all.
TEST_F(SmBudget, OfACallGoesBeforeTheExecutors) {
  emulator::options().resident_blocks = 1;
  const Voxels voxels = device_voxels(1100);
  Executor executor(test::small_network(), {.device = kCuda, .multiprocessors = 2});
  const auto most_blocks = [&](const RunOptions& how) {
    Listener listener;
    executor.run(voxels, how);
    std::int64_t most = 0;
    for (std::size_t i = 0; i < listener.launches.size(); ++i)
      most = std::max(most, listener.blocks(i));
    return most;
  };
  EXPECT_EQ(most_blocks({}), 2);
  EXPECT_EQ(most_blocks({.multiprocessors = 3}), 3);
  EXPECT_GT(most_blocks({.multiprocessors = 0}), 4);
}

TEST_F(SmBudget, HoldsForRunsWithoutWaits) {
  Input input(3);
  input.set(test::make_scan(120, 12, 3, 9));
  ExecutorOptions options = fixed_options();
  Executor whole(test::small_network(), options);
  options.multiprocessors = 1;
  Executor bounded(test::small_network(), options);
  emulator::options().resident_blocks = 2;
  whole.enqueue(input.coordinates, input.features, input.count);
  Listener listener;
  bounded.enqueue(input.coordinates, input.features, input.count);
  EXPECT_GT(listener.launches.size(), 10U);
  for (std::size_t i = 0; i < listener.launches.size(); ++i) EXPECT_LE(listener.blocks(i), 2);
  EXPECT_EQ(host_bytes(bounded.collect()), host_bytes(whole.collect()));
}

/// What a caller's function starts is no part of the run.
TEST_F(SmBudget, IsNotThatOfTheCallersFunctions) {
  emulator::options().resident_blocks = 1;
  const Voxels voxels = device_voxels(1100);
  ExecutorOptions options{.device = kCuda};
  std::vector<const internal::LaunchSharing*> seen;
  options.observe = [&](int, ConstTensorView) {
    seen.push_back(internal::cuda::set_launch_sharing(nullptr));
  };
  Executor executor(test::small_network(), options);
  executor.run(voxels, {.multiprocessors = 1});
  EXPECT_THAT(seen, testing::SizeIs(testing::Gt(5U)));
  EXPECT_THAT(seen, testing::Each(nullptr));
  EXPECT_EQ(internal::cuda::set_launch_sharing(nullptr), nullptr);  // nothing is left behind
}

TEST_F(SmBudget, IsInTheFormulasOfAManifest) {
  emulator::options().resident_blocks = 2;
  const Network network = test::small_network();
  const auto recorded = [&](std::int64_t voxels, int budget) {
    return record_launches(network, device_voxels(voxels),
                           {.device = kCuda, .multiprocessors = budget});
  };
  const Manifest small = recorded(90, 3), large = recorded(1100, 3), whole = recorded(1100, 0);
  EXPECT_EQ(Manifest::from_json(large.to_json()), large);
  ASSERT_EQ(small.launches.size(), large.launches.size());
  int formulas = 0, bounds = 0;
  for (std::size_t i = 0; i < large.launches.size(); ++i) {
    const manifest::Launch &a = small.launches[i], &b = large.launches[i];
    EXPECT_EQ(a.grid_formula.v, b.grid_formula.v) << b.kernel.key;
    if (!b.grid.v) continue;
    EXPECT_LE(b.grid.v->at(0) * b.grid.v->at(1), 6) << b.kernel.key;
    if (!b.grid_formula.v) continue;
    ++formulas;
    EXPECT_EQ(internal::evaluate_count(*b.grid_formula.v, large.run.symbols, b.kernel.key),
              b.grid.v->at(0));
    // A bound, or a constant that was cut to it.
    const std::string& formula = *b.grid_formula.v;
    const bool named = formula.find(",6)") != std::string::npos || formula == "6";
    EXPECT_EQ(named, *whole.launches[i].grid_formula.v != formula) << b.kernel.key;
    bounds += named;
    EXPECT_TRUE(b.sm_budget.empty());  // nothing was timed
  }
  EXPECT_GT(formulas, 5);
  EXPECT_GT(bounds, 5);
}

TEST_F(SmBudget, RefusesWhatTheDeviceDoesNotHave) {
  const Voxels voxels = device_voxels(90);
  Executor executor(test::small_network(), {.device = kCuda});
  for (const int wrong : {-1, 5})
    expect_error("0 (all) to 4, those of cuda:0; got " + std::to_string(wrong),
                 [&] { executor.run(voxels, {.multiprocessors = wrong}); });
  EXPECT_FALSE(executor.suspended());
  executor.run(voxels, {.multiprocessors = 4});
  expect_error("0 (all) to 4",
               [] { Executor(test::small_network(), {.device = kCuda, .multiprocessors = 5}); });
  expect_error("for runs on a GPU",
               [] { Executor(test::small_network(), {.multiprocessors = 1}); });
  Executor cpu(test::small_network(), {.threads = 1});
  const test::Scan scan = test::make_scan(50, 12, 3, 9);
  expect_error("for runs on a GPU, got 1 and an Executor on cpu",
               [&] { cpu.run(scan.coordinates, scan.features, {.multiprocessors = 1}); });
}

}  // namespace
}  // namespace gavotte
