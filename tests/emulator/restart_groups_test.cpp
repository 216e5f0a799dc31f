// What manifests say of safety, done: launches of whole runs are cut after some of their blocks and their restart
// groups run again; blocks run in other orders. All of the device's memory must end up the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "capture.h"
#include "cuda/launch.h"
#include "cuda/memory.h"
#include "manifest/launch_safety.h"
#include "recorded.h"

namespace gavotte {
namespace {

using internal::LaunchSafety;
using internal::RecordedLaunch;
using testing_cuda::kCuda;
using Bytes = std::vector<std::byte>;
using Kind = RecordedLaunch::Kind;

class RestartGroups : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    testing_cuda::serve_guarded_cuda();
    emulator::limit_nothing();
  }
  void TearDown() override { cut_nothing(); }
  static void cut_nothing() {
    emulator::options().most_blocks = -1;
    emulator::options().block_order_seed = 0;
  }
};

/// A run that can be done again launch by launch, and the device's memory before it and after.
struct Replay {
  /// `body` takes no memory that it has not had before.
  explicit Replay(const std::function<void()>& body)
      : before(emulator::device_bytes()),
        journal([&] {
          internal::LaunchRecorder recorder(internal::backend(kCuda));
          body();
          launches = recorder.launches();
        }),
        after(emulator::device_bytes()) {}

  std::vector<RecordedLaunch> launches;
  Bytes before;
  emulator::Journal journal;
  Bytes after;
};

std::int64_t blocks_of(const RecordedLaunch& launch) {
  return launch.kind == Kind::kernel ? launch.shape.blocks * launch.shape.blocks_y : 1;
}

struct Verdict {
  std::set<std::string> not_idempotent, not_independent, not_restartable;  ///< Names of launches.
  int cuts = 0;
};

/// Launch `index` for some of its blocks, in some order; of what is no kernel nothing.
void cut(const Replay& replay, std::size_t index, std::minstd_rand& random) {
  if (replay.launches[index].kind != Kind::kernel) return;
  const std::int64_t blocks = blocks_of(replay.launches[index]);
  emulator::options().most_blocks = static_cast<std::int64_t>(random()) % (blocks + 1);
  emulator::options().block_order_seed = random() | 1U;
  replay.journal.repeat(index);
  emulator::options().most_blocks = -1;
  emulator::options().block_order_seed = 0;
}

/// Cuts each launch `rounds` times; tries alone those that `safety` calls idempotent, and the groups of all. In
/// shuffled orders those that it calls block-independent.
Verdict examine(const Replay& replay, const std::vector<LaunchSafety>& safety, int rounds) {
  Verdict verdict;
  std::minstd_rand random(11);
  Bytes now = replay.before;
  for (std::size_t i = 0; i < replay.journal.size(); ++i) {
    emulator::set_device_bytes(now);
    replay.journal.repeat(i);
    const Bytes next = emulator::device_bytes();
    const std::string& name = replay.launches[i].name;
    const auto check = [&](std::set<std::string>& failed) {
      if (emulator::device_bytes() != next) failed.insert(name);
      emulator::set_device_bytes(now);
    };
    emulator::set_device_bytes(now);
    for (int round = 0; round < rounds; ++round) {
      ++verdict.cuts;
      cut(replay, i, random);
      for (auto j = static_cast<std::size_t>(safety[i].restart_group); j <= i; ++j)
        replay.journal.repeat(j);
      check(verdict.not_restartable);
      if (safety[i].idempotent.v == true) {
        cut(replay, i, random);
        replay.journal.repeat(i);
        check(verdict.not_idempotent);
      }
      if (safety[i].block_independent.v == true) {
        emulator::options().block_order_seed = random() | 1U;
        replay.journal.repeat(i);
        emulator::options().block_order_seed = 0;
        check(verdict.not_independent);
      }
    }
    now = next;
  }
  EXPECT_TRUE(now == replay.after) << "the run does not repeat";
  return verdict;
}

void expect_safe(const Network& network, const ExecutorOptions& options, const test::Scan& scan) {
  const Voxels voxels = testing_cuda::voxels_of(scan);
  Executor executor(network, options);
  for (int i = 0; i < 2; ++i) executor.run(voxels);
  const Replay replay([&] { executor.run(voxels); });
  ASSERT_EQ(replay.launches.size(), replay.journal.size());
  const std::vector<LaunchSafety> safety = internal::launch_safety(replay.launches);
  for (std::size_t i = 0; i < safety.size(); ++i)
    EXPECT_TRUE(safety[i].idempotent.v.has_value()) << replay.launches[i].name;
  const Verdict verdict = examine(replay, safety, 2);
  EXPECT_EQ(verdict.not_restartable, std::set<std::string>());
  EXPECT_EQ(verdict.not_idempotent, std::set<std::string>());
  EXPECT_EQ(verdict.not_independent, std::set<std::string>());
  EXPECT_GT(verdict.cuts, 50);
}

/// Rows in an order of their own, which has to be sorted.
test::Scan unsorted_scan(std::int64_t count) {
  test::Scan scan = test::make_scan(count, 24, 3, 7);
  const std::int64_t rows = scan.coordinates.rows();
  auto* const c = scan.coordinates.span<std::int32_t>().data();
  for (std::int64_t a = 0, b = rows - 1; a < b; ++a, --b)
    std::swap_ranges(c + 4 * a, c + 4 * a + 4, c + 4 * b);
  return scan;
}

TEST_F(RestartGroups, OfARunGiveTheSameBitsWhereverTheyWereCut) {
  for (const DType dtype : {DType::float32, DType::bfloat16})
    expect_safe(test::small_network(), {.device = kCuda, .dtype = dtype},
                test::make_scan(400, 24, 3, 7));
}

TEST_F(RestartGroups, OfOtherDataflowsBuildersAndOrders) {
  expect_safe(test::small_network(),
              {.device = kCuda,
               .map_config = {.builder = MapBuilder::double_traversal},
               .conv_config = {.dataflow = Dataflow::implicit_gemm}},
              unsorted_scan(400));
  expect_safe(testing_cuda::pooled_network(), {.device = kCuda}, unsorted_scan(300));
}

/// That the cuts above reach what they are for: each of these is found.
TEST_F(RestartGroups, TheExaminationFindsWhatIsWrong) {
  const Voxels voxels = testing_cuda::voxels_of(unsorted_scan(400));
  Executor executor(test::small_network(), {.device = kCuda});
  for (int i = 0; i < 2; ++i) executor.run(voxels);
  const Replay replay([&] { executor.run(voxels); });
  // The launches that add to what was there, each said to be idempotent and alone in its group.
  std::vector<LaunchSafety> wrong = internal::launch_safety(replay.launches);
  std::set<std::string> adding;
  for (std::size_t i = 0; i < wrong.size(); ++i)
    if (wrong[i].idempotent.v == false) {
      adding.insert(replay.launches[i].name);
      wrong[i].idempotent.v = true;
      wrong[i].restart_group = static_cast<std::int64_t>(i);
    }
  EXPECT_TRUE(adding.contains("find_box"));
  EXPECT_TRUE(adding.contains("cub::DeviceScan::ExclusiveSum"));
  // A scan in place is cut before or after it alone, so it is a kernel's adding that is to be found.
  EXPECT_TRUE(examine(replay, wrong, 6).not_idempotent.contains("find_box"));
}

struct AddArgs {
  std::uint32_t* total;
  std::uint32_t* order;
};
/// Adds its block to a total, which it hands on to the block that comes next.
void add_kernel(AddArgs args) {
  if (emulator::thread_index() != 0) return;
  const auto block = static_cast<std::uint32_t>(emulator::block_index());
  *args.order = *args.order * 3 + block;
  *args.total += block + 1;
}

TEST_F(RestartGroups, AKernelThatAccumulatesFails) {
  const Execution on{.device = kCuda};
  const Tensor memory(on, DType::int64, Shape{8});
  auto* const words = static_cast<std::uint32_t*>(const_cast<void*>(memory.view().data));
  const auto body = [&] {
    internal::cuda::fill_bytes(nullptr, words, 0, 64);
    internal::cuda::launch("add", nullptr, {.blocks = 7, .threads = 32}, add_kernel,
                           {words, words + 8});
  };
  const Replay replay(body);
  const std::vector<LaunchSafety> unknown = internal::launch_safety(replay.launches);
  EXPECT_FALSE(unknown[1].idempotent.v.has_value());  // nobody has declared it
  EXPECT_FALSE(unknown[1].block_independent.v.has_value());
  std::vector<LaunchSafety> declared = unknown;
  declared[1].idempotent.v = declared[1].block_independent.v = true;
  const Verdict verdict = examine(replay, declared, 8);
  EXPECT_TRUE(verdict.not_idempotent.contains("add"));
  EXPECT_TRUE(verdict.not_independent.contains("add"));
  EXPECT_TRUE(verdict.not_restartable.contains("add"));
  declared[1].restart_group = 0;  // from the fill on it may be run again
  EXPECT_FALSE(examine(replay, declared, 8).not_restartable.contains("add"));
}

}  // namespace
}  // namespace gavotte
