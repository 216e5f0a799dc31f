// Runs on a GPU that an EvictionFlag stops at tile boundaries, and that go on: the bits of an undisturbed run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cuda/launch.h"
#include "cuda/run_stop.h"
#include "executor/executor_access.h"
#include "executor/executor_impl.h"
#include "executor/plan.h"
#include "network/expect_error.h"
#include "recorded.h"

namespace gavotte {
namespace {

using internal::cuda::StopState;
using test::expect_error;
using testing::ElementsAreArray;
using testing_cuda::device_voxels;
using testing_cuda::kCuda;

std::vector<std::byte> host_bytes(const ConstTensorView& view) {
  const Tensor copy = Tensor::copy_to(Device::cpu(), view);
  const auto* data = static_cast<const std::byte*>(copy.data());
  return {data, data + copy.view().bytes()};
}
std::vector<std::byte> host_bytes(const Result& result) { return host_bytes(result.features); }

/// Calls `body` before each launch with its number.
class AtEachLaunch final : public internal::LaunchListener {
 public:
  explicit AtEachLaunch(std::function<void(int)> body)
      : body_(std::move(body)), before_(internal::cuda::set_launch_listener(this)) {}
  ~AtEachLaunch() override { internal::cuda::set_launch_listener(before_); }
  void on_launch(const internal::Launch&) override { body_(launches++); }
  int launches = 0;

 private:
  std::function<void(int)> body_;
  internal::LaunchListener* before_;
};

class EvictedRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { testing_cuda::serve_guarded_cuda(); }
};

/// Restart groups: the input; all maps, which are made in one; each step. (The rows are in key order, so that nothing has to
/// be brought back into the caller's.)
std::vector<int> groups_of(const Network& network) {
  const internal::Plan plan = internal::make_plan(network);
  std::vector<int> groups(plan.steps.size());
  std::iota(groups.begin(), groups.end(), static_cast<int>(1 + plan.maps.size()));
  if (!plan.maps.empty()) groups.insert(groups.begin(), 1);
  groups.insert(groups.begin(), 0);
  return groups;
}

/// Cuts a run again and again, each time up to `stride` boundaries further into the group that was cut.
Result run_in_pieces(Executor& executor, const Voxels& voxels, int stride, std::set<int>& groups,
                     int& cuts, int budget = 0) {
  std::minstd_rand random(5);
  EvictionFlag flag;
  flag.set();
  RunOutcome outcome = executor.run(voxels, {.evict = &flag});
  std::int64_t boundaries = 0;
  int group = 0;
  while (outcome.cancelled()) {
    EXPECT_TRUE(executor.suspended());
    EXPECT_TRUE(flag.is_set());
    EXPECT_GE(outcome.restart_group, group);
    boundaries = outcome.restart_group > group ? 0 : boundaries;
    boundaries += 1 + static_cast<std::int64_t>(random()) % stride;
    group = outcome.restart_group;
    groups.insert(group);
    ++cuts;
    flag.set_after(boundaries);
    outcome = executor.resume({.evict = &flag, .multiprocessors = budget});
  }
  EXPECT_FALSE(executor.suspended());
  return *outcome.result;
}

/// Says which groups were cut.
std::set<int> expect_pieces_give_the_same(const Network& network, const Voxels& voxels,
                                          const ExecutorOptions& options, int stride,
                                          int budget = 0) {
  Executor whole(network, options), cut(network, options);
  const Result expected = whole.run(voxels);
  const std::vector<std::byte> bytes = host_bytes(expected);
  std::set<int> groups;
  int cuts = 0;
  const Result result = run_in_pieces(cut, voxels, stride, groups, cuts, budget);
  EXPECT_EQ(host_bytes(result), bytes);
  EXPECT_EQ(result.coordinates.rows(), expected.coordinates.rows());
  EXPECT_THAT(groups, testing::IsSubsetOf(groups_of(network)));
  EXPECT_GT(cuts, static_cast<int>(groups.size()) + 3);  // within groups as well
  for (std::size_t i = 0; i < expected.stats.layers.size(); ++i)
    EXPECT_EQ(result.stats.layers[i].pairs, expected.stats.layers[i].pairs);
  EXPECT_EQ(host_bytes(cut.run(voxels)), bytes);  // and afterwards
  return groups;
}

TEST_F(EvictedRun, OfASmallNetworkGivesTheSameBitsWhereverItWasCut) {
  const Voxels voxels = device_voxels(250);
  const Network network = test::small_network();
  std::set<int> groups;
  for (const ExecutorOptions& options :
       {ExecutorOptions{.device = kCuda},
        ExecutorOptions{.device = kCuda, .dtype = DType::bfloat16},
        ExecutorOptions{.device = kCuda,
        .map_config = {.builder = MapBuilder::double_traversal},
        .conv_config = {.dataflow = Dataflow::implicit_gemm}},
        ExecutorOptions{.device = kCuda, .conv_config = {.dataflow = Dataflow::minuet}}})
    groups.merge(expect_pieces_give_the_same(network, voxels, options, 5));
  EXPECT_THAT(groups, ElementsAreArray(groups_of(network)));  // each was cut
  const Network pooled = testing_cuda::pooled_network();
  EXPECT_THAT(expect_pieces_give_the_same(pooled, voxels, {.device = kCuda}, 2),
              ElementsAreArray(groups_of(pooled)));
}

TEST_F(EvictedRun, WithinABudgetGivesTheSame) {
  emulator::options().resident_blocks = 2;
  expect_pieces_give_the_same(test::small_network(), device_voxels(250), {.device = kCuda}, 9, 1);
  emulator::options().resident_blocks = 0;
}

/// Cut at random, and while it is resumed once more.
TEST_F(EvictedRun, OfTheBuiltInNetworksGivesTheSame) {
  const Voxels voxels = device_voxels(40, 4);
  std::minstd_rand random(3);
  constexpr std::int64_t kMany = 1'000'000;
  for (const Network& network : {sparse_resnet21d(4, 5), sparse_res_unet42(4, 5)}) {
    Executor executor(network, {.device = kCuda});
    EvictionFlag flag;
    flag.set_after(kMany);
    const std::vector<std::byte> expected =
        host_bytes(*executor.run(voxels, {.evict = &flag}).result);
    const std::int64_t boundaries = kMany - flag.boundaries_left();
    EXPECT_EQ(host_bytes(executor.run(voxels)), expected);
    for (int round = 0; round < 2; ++round) {
      flag.set_after(static_cast<std::int64_t>(random()) % boundaries);
      RunOutcome outcome = executor.run(voxels, {.evict = &flag});
      ASSERT_TRUE(outcome.cancelled());
      flag.set_after(static_cast<std::int64_t>(random()) % 40);
      outcome = executor.resume({.evict = &flag});
      if (outcome.cancelled()) outcome = executor.resume();
      EXPECT_EQ(host_bytes(*outcome.result), expected) << round;
    }
  }
}

/// The input in an order that is not that of its keys, and views that the caller takes away.
TEST_F(EvictedRun, KeepsItsInputAndBringsRowsBack) {
  test::Scan scan = test::make_scan(300, 24, 3, 7);
  const std::int64_t rows = scan.coordinates.rows();
  auto* const c = scan.coordinates.span<std::int32_t>().data();
  for (std::int64_t a = 0, b = rows - 1; a < b; ++a, --b)
    std::swap_ranges(c + 4 * a, c + 4 * a + 4, c + 4 * b);
  Executor executor(test::small_network(), {.device = kCuda});
  const Tensor coordinates = scan.coordinates.to(kCuda), features = scan.features.to(kCuda);
  const std::vector<std::byte> expected = host_bytes(executor.run(coordinates, features));
  for (const std::int64_t boundaries : {0, 3, 9, 60, 150}) {
    EvictionFlag flag;
    flag.set_after(boundaries);
    Tensor gone_coordinates = Tensor::copy_of(coordinates),
           gone_features = Tensor::copy_of(features);
    RunOutcome outcome = executor.run(gone_coordinates, gone_features, {.evict = &flag});
    ASSERT_TRUE(outcome.cancelled()) << boundaries;
    internal::backend(kCuda).fill_zero({.device = kCuda}, gone_coordinates);
    internal::backend(kCuda).fill_zero({.device = kCuda}, gone_features);
    EXPECT_EQ(host_bytes(*executor.resume().result), expected) << boundaries;
  }
}

TEST_F(EvictedRun, StartsNothingWhereTheFlagIsSetBeforehand) {
  const Voxels voxels = device_voxels(300);
  Executor executor(test::small_network(), {.device = kCuda});
  const std::vector<std::byte> expected = host_bytes(executor.run(voxels));
  EvictionFlag flag;
  flag.set();
  AtEachLaunch launches([](int) {});
  EXPECT_EQ(executor.run(voxels, {.evict = &flag}).restart_group, 0);
  EXPECT_EQ(executor.resume({.evict = &flag}).restart_group, 0);  // twice
  EXPECT_EQ(launches.launches, 0);
  expect_error("got one at restart group 0", [&] { executor.run(voxels); });
  flag.clear();
  const RunOutcome outcome = executor.resume({.evict = &flag});
  ASSERT_FALSE(outcome.cancelled());
  EXPECT_EQ(host_bytes(*outcome.result), expected);
}

/// A flag that is set while one kernel is launched and cleared at the next, if the host comes to launch that, has stopped the
/// run for good.
TEST_F(EvictedRun, StaysStoppedWhereTheFlagIsClearedAgain) {
  const Voxels voxels = device_voxels(300);
  Executor executor(test::small_network(), {.device = kCuda});
  const std::vector<std::byte> expected = host_bytes(executor.run(voxels));
  int launches = 0;
  {
    AtEachLaunch count([](int) {});
    executor.run(voxels);
    launches = count.launches;
  }
  ASSERT_GT(launches, 40);
  int last_group = 0, cleared_underway = 0;
  for (const int at :
       {0, 7, launches / 2, launches - 9, launches - 8, launches - 7, launches - 3}) {
    EvictionFlag flag;
    RunOutcome outcome;
    {
      AtEachLaunch listener([&](int launch) {
        if (launch == at) flag.set();
        if (launch == at + 1) flag.clear();
      });
      outcome = executor.run(voxels, {.evict = &flag});
    }
    cleared_underway += flag.is_set() ? 0 : 1;
    flag.clear();
    ASSERT_TRUE(outcome.cancelled()) << at;
    EXPECT_GE(outcome.restart_group, last_group);
    last_group = outcome.restart_group;
    outcome = executor.resume({.evict = &flag});
    ASSERT_FALSE(outcome.cancelled()) << at;
    EXPECT_EQ(host_bytes(*outcome.result), expected) << at;
  }
  EXPECT_GT(last_group, 3);
  EXPECT_GT(cleared_underway, 1);
}

/// That the bits above tell: were the device's word not to stay set, kernels of later steps would write over what the step
/// that was cut still has to read.
TEST_F(EvictedRun, GivesOtherBitsWhereTheWordDoesNotStaySet) {
  const Voxels voxels = device_voxels(400);
  Executor executor(test::small_network(), {.device = kCuda});
  const std::vector<std::byte> expected = host_bytes(executor.run(voxels));
  EvictionFlag flag;
  constexpr std::int64_t kMany = 1'000'000;
  flag.set_after(kMany);
  ASSERT_FALSE(executor.run(voxels, {.evict = &flag}).cancelled());
  const std::int64_t boundaries = kMany - flag.boundaries_left();
  ASSERT_GT(boundaries, 100);
  int others = 0, cuts = 0;
  for (std::int64_t at = boundaries / 2; at < boundaries; at += 5) {
    flag.set_after(at);
    RunOutcome outcome;
    {
      AtEachLaunch forgetful([&](int) {
        internal::cuda::DeviceStop* const stop = internal::cuda::stop_of_thread();
        if (stop == nullptr) return;
        StopState state{};
        StopState* const there = stop->of_group(0).state;
        internal::cuda::start_copy(nullptr, &state, there, sizeof state);
        if (state.left > 0) return;
        state.left = internal::cuda::kNeverStops;
        internal::cuda::start_copy(nullptr, there, &state, sizeof state);
      });
      outcome = executor.run(voxels, {.evict = &flag});
    }
    if (!outcome.cancelled()) continue;
    ++cuts;
    others += host_bytes(*executor.resume().result) != expected;
  }
  EXPECT_GT(cuts, 10);
  EXPECT_GT(others, 0);
}

TEST_F(EvictedRun, CountsItsBoundaries) {
  const Voxels voxels = device_voxels(300);
  Executor executor(test::small_network(), {.device = kCuda});
  EvictionFlag flag;
  constexpr std::int64_t kMany = 1'000'000;
  flag.set_after(kMany);
  executor.run(voxels, {.evict = &flag});
  const std::int64_t all = kMany - flag.boundaries_left();
  EXPECT_GT(all, 100);
  // Each run takes over what the one before has left.
  flag.set_after(2 * all + 1);
  EXPECT_FALSE(executor.run(voxels, {.evict = &flag}).cancelled());
  EXPECT_EQ(flag.boundaries_left(), all + 1);
  EXPECT_FALSE(executor.run(voxels, {.evict = &flag}).cancelled());
  EXPECT_EQ(flag.boundaries_left(), 1);
  EXPECT_TRUE(executor.run(voxels, {.evict = &flag}).cancelled());
  EXPECT_TRUE(flag.is_set());
  flag.set_after(all - 1);  // the last tile alone is left
  const RunOutcome last = executor.resume({.evict = &flag});
  EXPECT_EQ(last.restart_group, groups_of(test::small_network()).back());
  executor.drop();
}

/// Fills and copies do not stop, so they must leave alone what a group that is run again reads.
TEST_F(EvictedRun, WritesItsValuesByKernelsAlone) {
  struct Transfers final : internal::LaunchListener {
    void on_launch(const internal::Launch&) override {}
    void on_transfer(const internal::Transfer& transfer) override { all.push_back(transfer); }
    std::vector<internal::Transfer> all;
  };
  const Voxels voxels = device_voxels(300);
  for (const Dataflow dataflow : {Dataflow::automatic, Dataflow::implicit_gemm, Dataflow::minuet}) {
    Executor executor(test::small_network(),
                      {.device = kCuda, .conv_config = {.dataflow = dataflow}});
    executor.run(voxels);
    Transfers transfers;
    internal::LaunchListener* const before = internal::cuda::set_launch_listener(&transfers);
    executor.run(voxels);
    internal::cuda::set_launch_listener(before);
    EXPECT_FALSE(transfers.all.empty());
    int values = 0;
    for (const TensorView& view : internal::ExecutorAccess::impl(executor).views) {
      if (view.data == nullptr || view.bytes() == 0) continue;
      ++values;
      const auto* const first = static_cast<const std::byte*>(view.data);
      for (const internal::Transfer& transfer : transfers.all) {
        const auto* const to = static_cast<const std::byte*>(transfer.to);
        EXPECT_TRUE(to + transfer.bytes <= first || to >= first + view.bytes());
      }
    }
    EXPECT_GT(values, 5);
  }
}

/// Another thread sets the flag at any time. (The emulator's kernels run as they are launched.)
TEST_F(EvictedRun, IsStoppedByAnotherThread) {
  const Voxels voxels = device_voxels(300);
  Executor executor(test::small_network(), {.device = kCuda});
  const std::vector<std::byte> expected = host_bytes(executor.run(voxels));
  for (int round = 0; round < 4; ++round) {
    EvictionFlag flag;
    std::thread urgent([&] {
      for (int i = 0; i < 1000 * round; ++i) std::this_thread::yield();
      flag.set();
    });
    RunOutcome outcome = executor.run(voxels, {.evict = &flag});
    urgent.join();
    if (outcome.cancelled()) outcome = executor.resume();
    EXPECT_EQ(host_bytes(*outcome.result), expected);
  }
}

/// What a caller's function is shown is done, each step once or, where it was cut, when it is done.
TEST_F(EvictedRun, ShowsFinishedFeaturesAlone) {
  const Voxels voxels = device_voxels(300);
  std::vector<std::vector<std::byte>> shown;
  ExecutorOptions options{.device = kCuda};
  options.observe = [&](int step, ConstTensorView features) {
    ASSERT_EQ(step, static_cast<int>(shown.size()));
    shown.push_back(host_bytes(features));
  };
  Executor executor(test::small_network(), options);
  executor.run(voxels);
  const auto expected = std::exchange(shown, {});
  std::set<int> groups;
  int cuts = 0;
  run_in_pieces(executor, voxels, 9, groups, cuts);
  EXPECT_EQ(shown, expected);
}

TEST_F(EvictedRun, WaitsForItsMapsAndForItsEnd) {
  const Voxels voxels = device_voxels(300);
  Executor executor(test::small_network(), {.device = kCuda});
  const auto waits = [&](const RunOptions& how) {
    const std::int64_t before = internal::cuda::synchronizations();
    executor.run(voxels, how);
    return internal::cuda::synchronizations() - before;
  };
  const std::int64_t alone = waits({});
  EvictionFlag flag;
  EXPECT_EQ(waits({.evict = &flag}), alone + 2);
  EXPECT_EQ(waits({}), alone);
}

struct NothingArgs {
  int nothing = 0;
};
void do_nothing_kernel(NothingArgs) {}

TEST_F(EvictedRun, RefusesKernelsThatDoNotLook) {
  EvictionFlag flag;
  internal::cuda::DeviceStop stop;
  stop.begin({.device = kCuda}, flag);
  const internal::LaunchSharing sharing = {.stop = &stop};
  const internal::SharingScope scope(internal::backend(kCuda), &sharing);
  const auto launch = [] {
    internal::cuda::launch("do_nothing", nullptr, {.threads = 32}, do_nothing_kernel, {});
  };
  expect_error("kernel do_nothing does not look whether it is to stop", launch);
  const internal::cuda::MadeWhole whole;
  launch();
}

TEST_F(EvictedRun, RefusesANumberOfThreads) {
  Executor executor(test::small_network(), {.device = kCuda});
  expect_error("a number of threads is for runs on the CPU, got an Executor on cuda:0",
               [&] { executor.run(device_voxels(90), {.threads = 1}); });
  EXPECT_FALSE(executor.suspended());
  expect_error("there is none", [&] { executor.resume(); });
}

}  // namespace
}  // namespace gavotte
