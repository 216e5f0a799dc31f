// Two jobs on the same cores: an urgent one evicts the other, runs, and lets it go on. Order is asserted, no time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "executor/scene.h"
#include "gavotte/executor.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::bytes_of;
using test::make_scan;
using test::Scan;

/// What happened, in order.
class Log {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(what);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// The urgent job arrives while the other is in a step that its scan chooses. Its deadline is the other's end: it must be
// done before the other has its result.
TEST(Sharing, AnUrgentJobEvictsRunsAndLetsGoOn) {
  const Scan low_scan = make_scan(900, 12, 3, 31), high_scan = make_scan(300, 10, 3, 32);
  const auto network = test::small_network();
  Executor reference(network, {.threads = 2});
  const auto low_bytes = bytes_of(reference.run(low_scan.coordinates, low_scan.features));
  const auto high_bytes = bytes_of(reference.run(high_scan.coordinates, high_scan.features));

  for (int arrival = 0; arrival < 6; ++arrival) {
    Log log;
    EvictionFlag flag;
    std::promise<void> underway, asked, stopped, urgent_done;
    ExecutorOptions options{.threads = 2};
    options.observe = [&](int step, ConstTensorView) {
      if (step != arrival || flag.is_set()) return;
      underway.set_value();
      asked.get_future().wait();
    };
    std::vector<std::byte> low_result, high_result;
    std::thread best_effort([&] {
      Executor low(network, options);
      log.add("low starts");
      RunOutcome outcome = low.run(low_scan.coordinates, low_scan.features, {.evict = &flag});
      log.add(outcome.cancelled() ? "low cancelled" : "low done");
      stopped.set_value();
      urgent_done.get_future().wait();
      if (outcome.cancelled()) outcome = low.resume({.evict = &flag, .threads = 1});
      log.add("low done");
      if (!outcome.cancelled()) low_result = bytes_of(*outcome.result);
    });
    std::thread urgent([&] {
      Executor high(network, {.threads = 2});
      underway.get_future().wait();
      log.add("high asks");
      flag.set();
      asked.set_value();
      stopped.get_future().wait();
      log.add("high starts");
      high_result = bytes_of(high.run(high_scan.coordinates, high_scan.features));
      log.add("high done");
      flag.clear();
      urgent_done.set_value();
    });
    best_effort.join();
    urgent.join();
    EXPECT_THAT(log.lines(), testing::ElementsAre("low starts", "high asks", "low cancelled",
                                                  "high starts", "high done", "low done"));
    EXPECT_EQ(low_result, low_bytes) << arrival;
    EXPECT_EQ(high_result, high_bytes) << arrival;
  }
}

// The flag is set at any time, by a thread that knows nothing of the run: all that may come of it is a cut or an end.
TEST(Sharing, AFlagMayBeSetAtAnyTime) {
  const Scan scan = make_scan(900, 12, 3, 33);
  Executor executor(test::small_network(), {.threads = 2});
  const auto expected = bytes_of(executor.run(scan.coordinates, scan.features));
  for (int round = 0; round < 40; ++round) {
    EvictionFlag flag;
    std::promise<void> go;
    std::thread other([&flag, start = go.get_future(), round]() mutable {
      start.wait();
      for (int i = 0; i < 16 * round; ++i) std::this_thread::yield();
      flag.set();
    });
    go.set_value();
    RunOutcome outcome = executor.run(scan.coordinates, scan.features, {.evict = &flag});
    other.join();
    if (outcome.cancelled()) outcome = executor.resume();
    ASSERT_FALSE(outcome.cancelled());
    EXPECT_EQ(bytes_of(*outcome.result), expected) << round;
  }
}

}  // namespace
}  // namespace gavotte
