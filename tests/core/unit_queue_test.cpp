// Units: each once, steps of a lane in order, whatever workers there are; a worker's own ranges first, then others'.
#include "cpu/unit_queue.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

bool is(const std::optional<Unit>& unit, std::int64_t range, std::int64_t lane, std::int64_t step) {
  return unit && unit->range == range && unit->lane == lane && unit->step == step;
}

/// What workers on threads do. A step's own count is not atomic: whoever takes the next step must see it.
struct Trace {
  UnitCounts counts;
  std::vector<std::int64_t> steps;  // [ranges][lanes] done
  bool in_order = true;

  explicit Trace(const UnitCounts& counts)
      : counts(counts), steps(static_cast<std::size_t>(counts.ranges * counts.lanes), 0) {}
  bool run(const Unit& unit) {
    return unit.step == steps[static_cast<std::size_t>(unit.range * counts.lanes + unit.lane)]++;
  }
  bool complete() const {
    for (const std::int64_t done : steps)
      if (done != counts.steps) return false;
    return true;
  }
};

constexpr UnitCounts kCounts[] = {{1, 1, 1}, {1, 1, 40}, {1, 27, 1},  {5, 1, 3},
                                  {3, 8, 2}, {4, 9, 5},  {64, 33, 7}, {2, 2, 500}};

TEST(UnitQueue, EachUnitIsTakenOnceAndStepsFollowEachOther) {
  for (const UnitCounts& counts : kCounts) {
    for (const int workers : {1, 2, 3, 8}) {
      // Each unit at once, or with the one after it, as where a unit's end waits for the next one's beginning.
      for (const bool late : {false, true}) {
        UnitQueue queue(counts);
        Trace trace(counts);
        std::vector<int> failures(static_cast<std::size_t>(workers), 0);
        parallel_for({.threads = workers}, workers, [&](std::int64_t, int index) {
          UnitQueue::Worker worker(queue, index, workers);
          std::optional<Unit> waiting;
          const auto run = [&](const Unit& unit) {
            if (!trace.run(unit)) ++failures[static_cast<std::size_t>(index)];
            worker.end(unit);
          };
          while (const std::optional<Unit> unit = worker.take()) {
            if (waiting) run(*waiting);
            waiting.reset();
            if (late) {
              waiting = unit;
            } else {
              run(*unit);
            }
          }
          if (waiting) run(*waiting);
        });
        for (const int count : failures) EXPECT_EQ(count, 0);
        EXPECT_TRUE(trace.complete()) << counts.ranges << " x " << counts.lanes << " x "
                                      << counts.steps << ", " << workers << " workers";
      }
    }
  }
}

TEST(UnitQueue, OneWorkerGoesThroughRangesStepByStep) {
  UnitQueue queue({2, 3, 2});
  UnitQueue::Worker worker(queue, 0, 1);
  for (std::int64_t range = 0; range < 2; ++range)
    for (std::int64_t step = 0; step < 2; ++step)
      for (std::int64_t lane = 0; lane < 3; ++lane) {
        const auto unit = worker.take();
        ASSERT_TRUE(is(unit, range, lane, step));
        worker.end(*unit);
      }
  EXPECT_FALSE(worker.take());
}

TEST(UnitQueue, WorkersBeginWithTheirOwnRangesAndThenHelpOthers) {
  UnitQueue queue({4, 2, 1});
  UnitQueue::Worker first(queue, 0, 2), second(queue, 1, 2);
  EXPECT_TRUE(is(first.take(), 0, 0, 0));
  EXPECT_TRUE(is(second.take(), 2, 0, 0));
  EXPECT_TRUE(is(second.take(), 2, 1, 0));
  EXPECT_TRUE(is(second.take(), 3, 0, 0));
  EXPECT_TRUE(is(second.take(), 3, 1, 0));
  EXPECT_TRUE(is(second.take(), 0, 1, 0));
  EXPECT_TRUE(is(first.take(), 1, 0, 0));
  EXPECT_TRUE(is(second.take(), 1, 1, 0));
  EXPECT_FALSE(first.take());
  EXPECT_FALSE(second.take());
}

TEST(UnitQueue, ALaneBelongsToTheWorkerThatHasNotEndedIt) {
  UnitQueue queue({1, 1, 4});
  UnitQueue::Worker first(queue, 0, 2), second(queue, 1, 2);
  const auto begun = first.take(), next = first.take();
  ASSERT_TRUE(is(begun, 0, 0, 0));
  ASSERT_TRUE(is(next, 0, 0, 1));  // its own, before it ends the first
  first.end(*begun);
  EXPECT_FALSE(UnitQueue::Worker(queue, 1, 2).take());
  first.end(*next);
  const auto helped = second.take();
  ASSERT_TRUE(is(helped, 0, 0, 2));
  second.end(*helped);
  EXPECT_TRUE(is(first.take(), 0, 0, 3));
}

// Of lanes that others have taken further, the lowest step comes first.
TEST(UnitQueue, AHelperTakesTheLowestStep) {
  UnitQueue queue({1, 3, 3});
  UnitQueue::Worker first(queue, 0, 2), second(queue, 1, 2);
  for (int i = 0; i < 4; ++i) first.end(*first.take());  // lanes 0, 1, 2, 0
  const auto helped = second.take();
  ASSERT_TRUE(is(helped, 0, 1, 1));
  EXPECT_TRUE(is(first.take(), 0, 2, 1));
  EXPECT_TRUE(is(second.take(), 0, 0, 2));
}

}  // namespace
}  // namespace gavotte::internal::cpu
