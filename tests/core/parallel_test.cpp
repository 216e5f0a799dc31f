// parallel_for: every task once, workers exclusive, failures propagated, nesting inline.
#include "parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <numeric>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "cpu/stop.h"
#include "gavotte/error.h"

namespace gavotte {
namespace {

Execution with_threads(int threads) { return {.threads = threads}; }

TEST(Parallel, RunsEveryTaskOnce) {
  for (int threads : {0, 1, 2, 7}) {
    for (std::int64_t tasks : {0, 1, 2, 1000}) {
      std::vector<int> runs(static_cast<std::size_t>(tasks), 0);
      parallel_for(with_threads(threads), tasks,
                   [&](std::int64_t task, int) { ++runs[static_cast<std::size_t>(task)]; });
      EXPECT_THAT(runs, testing::Each(1)) << threads << " threads";
    }
  }
}

TEST(Parallel, WorkersAreExclusiveAndInRange) {
  constexpr int kThreads = 4;
  std::vector<std::atomic<int>> busy(kThreads);
  std::atomic<int> clashes = 0;
  parallel_for(with_threads(kThreads), 5000, [&](std::int64_t, int worker) {
    ASSERT_GE(worker, 0);
    ASSERT_LT(worker, kThreads);
    if (busy[static_cast<std::size_t>(worker)].fetch_add(1) != 0) ++clashes;
    busy[static_cast<std::size_t>(worker)].fetch_sub(1);
  });
  EXPECT_EQ(clashes, 0);
}

TEST(Parallel, WritesAreVisibleAfterwards) {
  std::vector<std::int64_t> squares(10000);
  parallel_for(with_threads(3), 10000,
               [&](std::int64_t i, int) { squares[static_cast<std::size_t>(i)] = i * i; });
  std::int64_t sum = std::accumulate(squares.begin(), squares.end(), std::int64_t{0});
  EXPECT_EQ(sum, 9999LL * 10000 * 19999 / 6);
}

#if !defined(__SANITIZE_THREAD__)  // which starts no threads in a child of a process with threads
TEST(Parallel, RunsInAChildOfAProcessThatHasRunIt) {
  std::vector<int> seen(100);
  const auto run = [&] {
    parallel_for(with_threads(2), 100,
                 [&](std::int64_t task, int) { ++seen[static_cast<std::size_t>(task)]; });
  };
  run();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(30);  // ends it where it waits for threads that it does not have
    run();
    _exit(std::count(seen.begin(), seen.end(), 2) == 100 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}
#endif

TEST(Parallel, AWorkerTakesARunOfTasksBeforeItHelps) {
  constexpr int kTasks = 1001;
  for (int threads : {2, 3, 5}) {
    std::vector<std::vector<std::int64_t>> taken(static_cast<std::size_t>(threads));
    std::latch begun(threads);
    parallel_for(with_threads(threads), kTasks, [&](std::int64_t task, int worker) {
      auto& tasks = taken[static_cast<std::size_t>(worker)];
      tasks.push_back(task);
      if (tasks.size() == 1) begun.arrive_and_wait();  // nobody can help before
    });
    for (int worker = 0; worker < threads; ++worker) {
      const auto& tasks = taken[static_cast<std::size_t>(worker)];
      EXPECT_EQ(tasks.front(), kTasks * worker / threads) << threads << " threads";
      EXPECT_LE(std::count_if(tasks.begin() + 1, tasks.end(),
                              [last = tasks.front()](std::int64_t task) mutable {
                                return task < std::exchange(last, task);
                              }),
                threads - 1);  // ascending but for the runs of others
    }
  }
}

TEST(Parallel, MoreWorkersThanRuns) {
  std::vector<std::atomic<int>> runs(1000);
  parallel_for(with_threads(100), 1000,
               [&](std::int64_t task, int) { ++runs[static_cast<std::size_t>(task)]; });
  EXPECT_TRUE(std::all_of(runs.begin(), runs.end(), [](const auto& n) { return n == 1; }));
}

TEST(Parallel, ThrowsTheLowestFailureAfterAllTasksBelow) {
  for (int threads : {1, 4}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<int> ran(500);
      try {
        parallel_for(with_threads(threads), 500, [&](std::int64_t task, int) {
          if (task >= 200) throw Error(ErrorKind::value, std::to_string(task));
          ran[static_cast<std::size_t>(task)] = 1;
        });
        FAIL() << "no Error was thrown";
      } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "200");
      }
      EXPECT_EQ(std::count(ran.begin(), ran.end(), 1), 200);
    }
  }
}

TEST(Parallel, RunsAgainAfterAFailure) {
  EXPECT_THROW(parallel_for(with_threads(2), 8,
                            [](std::int64_t, int) { throw Error(ErrorKind::value, ""); }),
               Error);
  std::atomic<int> runs = 0;
  parallel_for(with_threads(2), 8, [&](std::int64_t, int) { ++runs; });
  EXPECT_EQ(runs, 8);
}

TEST(Parallel, AFlagEndsTheCallsOfItsScope) {
  EvictionFlag flag;
  const auto run = [](int threads, std::atomic<int>& runs) {
    parallel_for(with_threads(threads), 200, [&](std::int64_t, int) { ++runs; });
  };
  for (const int threads : {1, 4}) {
    for (const int passed : {0, 1, 77, 199}) {
      std::atomic<int> runs = 0;
      flag.set_after(passed);
      const internal::cpu::StopScope scope(&flag);
      EXPECT_THROW(run(threads, runs), internal::cpu::Stopped);
      EXPECT_EQ(runs, passed) << threads << " threads";
      {
        const internal::cpu::StopScope hidden(nullptr);
        EXPECT_NO_THROW(run(threads, runs));
      }
      EXPECT_THROW(run(threads, runs), internal::cpu::Stopped);
      std::jthread([&] { EXPECT_NO_THROW(run(threads, runs)); });  // another thread's calls
      EXPECT_EQ(runs, passed + 400);
    }
    std::atomic<int> runs = 0;
    flag.set_after(200);
    {
      const internal::cpu::StopScope scope(&flag);
      EXPECT_NO_THROW(run(threads, runs));  // none lies behind the last task
    }
    EXPECT_TRUE(flag.is_set());
    EXPECT_NO_THROW(run(threads, runs));
    EXPECT_EQ(runs, 400);
  }
}

TEST(Parallel, AFlagLeavesFailuresAlone) {
  EvictionFlag flag;
  flag.set_after(100);
  const internal::cpu::StopScope scope(&flag);
  EXPECT_THROW(parallel_for(with_threads(1), 200,
                            [](std::int64_t task, int) {
                              if (task == 50) throw Error(ErrorKind::value, "");
                            }),
               Error);
}

TEST(Parallel, NestedCallsRunInTheirCaller) {
  std::atomic<int> strangers = 0;
  std::atomic<int> runs = 0;
  parallel_for(with_threads(4), 16, [&](std::int64_t, int) {
    const std::thread::id outer = std::this_thread::get_id();
    parallel_for(with_threads(4), 16, [&](std::int64_t, int worker) {
      ++runs;
      if (std::this_thread::get_id() != outer || worker != 0) ++strangers;
    });
  });
  EXPECT_EQ(runs, 256);
  EXPECT_EQ(strangers, 0);
}

TEST(Parallel, OneThreadRunsInOrder) {
  std::vector<std::int64_t> order;
  parallel_for(with_threads(1), 50, [&](std::int64_t task, int) { order.push_back(task); });
  std::vector<std::int64_t> expected(50);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
}

TEST(Parallel, CallersOnSeveralThreadsDoNotMix) {
  std::vector<std::int64_t> sums(4);
  {
    std::vector<std::jthread> callers;
    for (std::size_t caller = 0; caller < sums.size(); ++caller)
      callers.emplace_back([&sums, caller] {
        std::vector<std::int64_t> parts(2);
        parallel_for(with_threads(2), 1000, [&](std::int64_t task, int worker) {
          parts[static_cast<std::size_t>(worker)] += task;
        });
        sums[caller] = parts[0] + parts[1];
      });
  }
  EXPECT_THAT(sums, testing::Each(499500));
}

TEST(Parallel, ThreadCountFollowsTheBudget) {
  EXPECT_EQ(thread_count(with_threads(5)), 5);
  EXPECT_GE(thread_count({}), 1);
  EXPECT_THROW(thread_count(with_threads(-1)), Error);
  EXPECT_THROW(thread_count(with_threads(1025)), Error);
}

}  // namespace
}  // namespace gavotte
