// The emulator itself: what its words do, and that it names the rules that a kernel breaks.
#include "emulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cuda/device/kernel.h"
#include "cuda/launch.h"
#include "gavotte/error.h"

namespace gavotte::internal::cuda {
namespace {

class OnEngine : public ::testing::TestWithParam<emulator::Engine> {
 protected:
  OnEngine() {
    emulator::options().engine = GetParam();
    emulator::options().watchdog_seconds = 5;
  }
  ~OnEngine() override { emulator::reset_options(); }

  template <class Body>
  static void run(const LaunchShape& shape, Body body) {
    launch(
        "test_kernel", nullptr, shape, +[](Body run_body) { run_body(); }, body);
  }

  /// The message of the Error that the kernel ends in.
  template <class Body>
  static std::string failure(const LaunchShape& shape, Body body) {
    try {
      run(shape, body);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
};

struct ReverseShared {
  int values[96];
};

TEST_P(OnEngine, BarriersOrderSharedMemory) {
  std::vector<int> out(3 * 96);
  run({.blocks = 3, .threads = 96, .shared_bytes = sizeof(ReverseShared)}, [out = out.data()] {
    auto& shared = shared_storage<ReverseShared>();
    for (int round = 0; round < 3; ++round) {
      shared.values[thread_index()] =
          100 * static_cast<int>(block_index()) + thread_index() + round;
      sync_block();
      const int seen = shared.values[95 - thread_index()];
      sync_block();
      out[block_index() * 96 + thread_index()] = seen;
    }
  });
  for (int block = 0; block < 3; ++block)
    for (int thread = 0; thread < 96; ++thread)
      ASSERT_EQ(out[static_cast<std::size_t>(block * 96 + thread)], 100 * block + 95 - thread + 2);
}

TEST(ThreadOrder, OfFibersCanBeShuffled) {
  const auto order_of = [](std::uint64_t seed) {
    emulator::options().engine = emulator::Engine::fibers;
    emulator::options().thread_order_seed = seed;
    std::vector<int> order;
    emulator::run({.threads = 64}, [&order] {
      order.push_back(thread_index());
      sync_block();
      order.push_back(thread_index());
    });
    emulator::reset_options();
    return order;
  };
  const std::vector<int> shuffled = order_of(5);
  EXPECT_NE(shuffled, order_of(0));
  EXPECT_NE(shuffled, order_of(6));
  EXPECT_EQ(shuffled, order_of(5));
  for (const std::ptrdiff_t half : {0, 64}) {
    std::vector<int> threads(shuffled.begin() + half, shuffled.begin() + half + 64);
    std::sort(threads.begin(), threads.end());
    for (int i = 0; i < 64; ++i) ASSERT_EQ(threads[static_cast<std::size_t>(i)], i);
  }
}

TEST_P(OnEngine, WarpOperationsKeepToTheirMasks) {
  std::vector<int> sums(64), votes(64), halves(64);
  run({.threads = 64}, [sums = sums.data(), votes = votes.data(), halves = halves.data()] {
    int sum = thread_index();
    for (int step = 16; step > 0; step /= 2) sum += shuffle_xor(kFullMask, sum, step);
    sums[thread_index()] = sum;
    votes[thread_index()] = count_bits(ballot(kFullMask, lane_index() % 3 == 0));
    const unsigned half = lane_index() < 16 ? 0x0000ffffU : 0xffff0000U;
    int own = lane_index();
    for (int i = 0; i < (lane_index() < 16 ? 3 : 8);
         ++i)  // halves meet a different number of times
      own = shuffle(half, own, lane_index() < 16 ? 15 - lane_index() : 47 - lane_index());
    sync_warp();
    halves[thread_index()] = own;
  });
  for (int i = 0; i < 64; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(sums[at], i < 32 ? 496 : 496 + 32 * 32);
    EXPECT_EQ(votes[at], 11);
    EXPECT_EQ(halves[at], i % 32 < 16 ? 15 - i % 32 : i % 32);
  }
}

TEST_P(OnEngine, ShufflesUpAndDownKeepTheEdges) {
  std::vector<int> up(32), down(32);
  run({.threads = 32}, [up = up.data(), down = down.data()] {
    up[lane_index()] = shuffle_up(kFullMask, lane_index(), 3);
    down[lane_index()] = shuffle_down(kFullMask, lane_index(), 3);
  });
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(up[static_cast<std::size_t>(lane)], lane < 3 ? lane : lane - 3);
    EXPECT_EQ(down[static_cast<std::size_t>(lane)], lane > 28 ? lane : lane + 3);
  }
}

TEST_P(OnEngine, AtomicsCountEveryThread) {
  std::int64_t sum = 0;
  std::int32_t least = 1000, most = -1;
  run({.blocks = 4, .threads = 50}, [&sum, &least, &most] {
    atomic_add(&sum, grid_thread());
    atomic_min(&least, static_cast<std::int32_t>(grid_thread()));
    atomic_max(&most, static_cast<std::int32_t>(grid_thread()));
  });
  EXPECT_EQ(sum, 199 * 100);
  EXPECT_EQ(least, 0);
  EXPECT_EQ(most, 199);
}

TEST_P(OnEngine, AReturnBeforeABarrierIsNamed) {
  const std::string what = failure({.blocks = 2, .threads = 40}, [] {
    if (thread_index() == 7) return;
    sync_block();
  });
  EXPECT_NE(what.find("test_kernel"), std::string::npos) << what;
  EXPECT_NE(what.find("sync_block"), std::string::npos) << what;
}

TEST_P(OnEngine, AMaskThatNotAllLanesUseIsNamed) {
  const std::string what = failure({.threads = 32}, [] {
    if (lane_index() < 20) sync_warp(kFullMask);
  });
  EXPECT_NE(what.find("warp operation"), std::string::npos) << what;
}

TEST_P(OnEngine, AMaskWithoutItsOwnLaneIsNamed) {
  const std::string what = failure({.threads = 32}, [] { sync_warp(0x7fffffffU); });
  EXPECT_NE(what.find("not in the mask"), std::string::npos) << what;
}

TEST_P(OnEngine, AShuffleFromOutsideTheMaskIsNamed) {
  const std::string what = failure({.threads = 32}, [] {
    if (lane_index() < 16) shuffle(0xffffU, 1, 20);
  });
  EXPECT_NE(what.find("reads lane 20"), std::string::npos) << what;
}

TEST_P(OnEngine, TooLittleSharedMemoryIsNamed) {
  const std::string what = failure({.threads = 32, .shared_bytes = 8},
                                   [] { shared_storage<ReverseShared>().values[0] = 1; });
  EXPECT_NE(what.find("the launch gave 8"), std::string::npos) << what;
}

TEST_P(OnEngine, SharedMemoryStartsPoisoned) {
  int seen = 0;
  run({.threads = 1, .shared_bytes = sizeof(ReverseShared)},
      [&seen] { seen = shared_storage<ReverseShared>().values[5]; });
  EXPECT_EQ(static_cast<unsigned>(seen), 0xfdfdfdfdU);
}

struct CopyShared {
  alignas(16) int values[4];
};

TEST_P(OnEngine, AsynchronousCopiesAreSeenAfterTheirWait) {
  alignas(16) const int source[4] = {1, 2, 3, 4};
  int before = 0, after = 0, padded = -1;
  run({.threads = 1, .shared_bytes = sizeof(CopyShared)}, [&source, &before, &after, &padded] {
    auto& shared = shared_storage<CopyShared>();
    emulator::copy_async(shared.values, source, 16, 12);
    emulator::copy_async_commit();
    before = shared.values[1];
    emulator::copy_async_wait(0);
    after = shared.values[1];
    padded = shared.values[3];
  });
  EXPECT_NE(before, 2);
  EXPECT_EQ(after, 2);
  EXPECT_EQ(padded, 0);
}

TEST_P(OnEngine, ACopyThatNobodyWaitsForIsNamed) {
  alignas(16) const int source[4] = {1, 2, 3, 4};
  const std::string what = failure({.threads = 1, .shared_bytes = sizeof(CopyShared)}, [&source] {
    emulator::copy_async(shared_storage<CopyShared>().values, source, 16, 16);
    emulator::copy_async_commit();
  });
  EXPECT_NE(what.find("without waiting"), std::string::npos) << what;
}

TEST_P(OnEngine, BlocksRunInTheOrderOfTheSeed) {
  const auto order_of = [](std::uint64_t seed) {
    emulator::options().block_order_seed = seed;
    std::vector<std::int64_t> order;
    run({.blocks = 20, .threads = 1}, [&order] { order.push_back(block_index()); });
    return order;
  };
  const auto plain = order_of(0), shuffled = order_of(3);
  EXPECT_TRUE(std::is_sorted(plain.begin(), plain.end()));
  EXPECT_FALSE(std::is_sorted(shuffled.begin(), shuffled.end()));
  EXPECT_EQ(shuffled, order_of(3));
  EXPECT_TRUE(std::is_permutation(plain.begin(), plain.end(), shuffled.begin()));
}

TEST(Emulator, ThreadsThatReadTooEarlyAreFoundInOneOfTheTwoOrders) {
  const auto seen_with = [](bool descending) {
    emulator::options().engine = emulator::Engine::fibers;
    emulator::options().descending_threads = descending;
    int seen = 0;
    launch(
        "test_kernel", nullptr, {.threads = 64, .shared_bytes = sizeof(ReverseShared)},
        +[](int* at) {
          auto& shared = shared_storage<ReverseShared>();
          if (thread_index() == 0) shared.values[0] = 7;
          if (thread_index() == 40) *at = shared.values[0];  // no barrier before
        },
        &seen);
    emulator::reset_options();
    return seen;
  };
  EXPECT_EQ(seen_with(false), 7);
  EXPECT_NE(seen_with(true), 7);
}

TEST_P(OnEngine, AnExceptionOfAKernelComesOut) {
  EXPECT_THROW(run({.threads = 64},
                   [] {
                     if (thread_index() == 40) throw Error(ErrorKind::value, "bad value");
                     sync_block();
                   }),
               Error);
}

TEST_P(OnEngine, LaunchesThatNoGpuTakesAreErrors) {
  EXPECT_THROW(run({.threads = 1025}, [] {}), Error);
  EXPECT_THROW(run({.blocks_y = 70000, .threads = 1}, [] {}), Error);
  EXPECT_THROW(run({.threads = 32, .shared_bytes = 300000}, [] {}), Error);
}

TEST(Emulator, KernelWordsOutsideAKernelAreErrors) { EXPECT_THROW(thread_index(), Error); }

INSTANTIATE_TEST_SUITE_P(Engines, OnEngine,
                         ::testing::Values(emulator::Engine::fibers, emulator::Engine::threads),
                         [](const auto& info) {
                           return info.param == emulator::Engine::fibers ? "fibers" : "threads";
                         });

}  // namespace
}  // namespace gavotte::internal::cuda
