#include "sharing_bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#if defined(__linux__)
#include <sched.h>
#endif

#include "check.h"
#include "gavotte/executor.h"
#include "gavotte/network.h"

namespace gavotte::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Ms = std::chrono::duration<double, std::milli>;

constexpr double kPeriod = 4;    // between arrivals, in times of the urgent job alone
constexpr double kDeadline = 2;  // after an arrival, likewise
constexpr int kArrivalsAlone = 10;
constexpr int kBestEffortRuns = 10;  // a round
constexpr int kMostArrivals = 200;  // a round: where cores are short, urgent work may leave nothing

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

/// Keeps this thread, and those it starts, on the first `count` cores that it may use, until the end of the scope.
class Cores {
 public:
  explicit Cores([[maybe_unused]] int count) {
#if defined(__linux__)
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t few;
    CPU_ZERO(&few);
    for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&few) < count; ++core)
      if (CPU_ISSET(core, &before_)) CPU_SET(core, &few);
    sched_setaffinity(0, sizeof(few), &few);
#endif
  }
  ~Cores() {
#if defined(__linux__)
    sched_setaffinity(0, sizeof(before_), &before_);
#endif
  }
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;

 private:
#if defined(__linux__)
  cpu_set_t before_ = {};
#endif
};

/// Whose turn it is.
class Turns {
 public:
  /// The urgent job's; returns when the other has stopped.
  void take() {
    std::unique_lock lock(mutex_);
    urgent_ = true;
    flag.set();
    changed_.wait(lock, [&] { return !running_; });
  }
  void give_back() {
    const std::lock_guard lock(mutex_);
    urgent_ = false;
    flag.clear();
    changed_.notify_all();
  }
  /// The best-effort job's, before and after each call.
  void begin() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !urgent_; });
    running_ = true;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    running_ = false;
    changed_.notify_all();
  }
  EvictionFlag flag;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool urgent_ = false, running_ = false;
};

struct Jobs {
  Executor urgent, best_effort;
  Voxels scan;
  double urgent_ms = 0;  ///< Alone.
};

enum class Way { urgent_alone, best_effort_alone, beside, evicting };

struct Figures {
  std::vector<double> latency_ms, stop_ms, best_effort_ms;
};

void run_best_effort(Jobs& jobs, Turns& turns, bool evicting, Figures& figures) {
  const auto start = Clock::now();
  for (int run = 0; run < kBestEffortRuns; ++run) {
    if (!evicting) {
      jobs.best_effort.run(jobs.scan);
      continue;
    }
    turns.begin();
    RunOutcome outcome = jobs.best_effort.run(jobs.scan, {.evict = &turns.flag});
    turns.end();
    while (outcome.cancelled()) {
      turns.begin();
      outcome = jobs.best_effort.resume({.evict = &turns.flag});
      turns.end();
    }
  }
  figures.best_effort_ms.push_back(Ms(Clock::now() - start).count() / kBestEffortRuns);
}

/// Arrivals until `goes_on` says no, or kMostArrivals; a job that is late begins when the one before is done, and its
/// latency counts from its arrival.
template <class GoesOn>
void run_urgent(Jobs& jobs, Turns& turns, bool evicting, GoesOn&& goes_on, Figures& figures) {
  const auto period = std::chrono::duration_cast<Clock::duration>(Ms(kPeriod * jobs.urgent_ms));
  auto arrival = Clock::now() + period;
  for (int i = 0; i < kMostArrivals && goes_on(); ++i, arrival += period) {
    std::this_thread::sleep_until(arrival);
    if (!goes_on()) return;
    if (evicting) {
      const auto asked = Clock::now();
      turns.take();
      figures.stop_ms.push_back(Ms(Clock::now() - asked).count());
    }
    jobs.urgent.run(jobs.scan);
    if (evicting) turns.give_back();
    figures.latency_ms.push_back(Ms(Clock::now() - arrival).count());
  }
}

void run_way(Way way, Jobs& jobs, Figures& figures) {
  Turns turns;
  if (way == Way::urgent_alone) {
    int left = 2 * kArrivalsAlone;  // asked twice for each
    return run_urgent(
        jobs, turns, false, [&] { return left-- > 0; }, figures);
  }
  std::atomic<bool> done = false;
  std::thread other([&] {
    run_best_effort(jobs, turns, way == Way::evicting, figures);
    done = true;
  });
  if (way != Way::best_effort_alone)
    run_urgent(
        jobs, turns, way == Way::evicting, [&] { return !done; }, figures);
  other.join();
}

SharingRow row_of(const Figures& figures, const Figures& urgent, const Figures& best_effort) {
  SharingRow row;
  const double alone = quantile(urgent.latency_ms, 0.5);
  const double run = quantile(best_effort.best_effort_ms, 0.5);
  row.arrivals = static_cast<int>(figures.latency_ms.size());
  row.p50 = quantile(figures.latency_ms, 0.5) / alone;
  row.p99 = quantile(figures.latency_ms, 0.99) / alone;
  const auto late = std::count_if(figures.latency_ms.begin(), figures.latency_ms.end(),
                                  [&](double ms) { return ms > kDeadline * alone; });
  row.hits = 1 - static_cast<double>(late) / std::max(row.arrivals, 1);
  if (!figures.best_effort_ms.empty()) row.throughput = run / quantile(figures.best_effort_ms, 0.5);
  row.stop_p50 = quantile(figures.stop_ms, 0.5) / run;
  row.stop_p99 = quantile(figures.stop_ms, 0.99) / run;
  return row;
}

void bench(const Scene& scene, int threads, int rounds, Report& report) {
  const Cores cores(threads);
  Jobs jobs{Executor(sparse_resnet21d(4, 20), {.threads = threads}),
            Executor(sparse_res_unet42(4, 20), {.threads = threads}),
            {}};
  jobs.scan.coordinates = scene.coordinates;
  jobs.scan.features = filled({scene.coordinates.rows(), 4});
  std::vector<double> warm;
  for (int i = 0; i < 7; ++i) {
    const auto start = Clock::now();
    jobs.urgent.run(jobs.scan);
    if (i > 1) warm.push_back(Ms(Clock::now() - start).count());
  }
  jobs.urgent_ms = quantile(warm, 0.5);
  jobs.best_effort.run(jobs.scan);
  Figures figures[4];
  for (int round = 0; round < rounds; ++round)
    for (int way = 0; way < 4; ++way) run_way(static_cast<Way>(way), jobs, figures[way]);
  const Figures &urgent = figures[0], &best_effort = figures[1];
  for (const auto& [way, name] : {std::pair{0, "alone"}, {2, "beside"}, {3, "evicting"}}) {
    SharingRow row = row_of(figures[way], urgent, best_effort);
    row.scene = scene.name;
    row.threads = threads;
    row.way = name;
    report.sharing.push_back(row);
  }
}

}  // namespace

void bench_sharing(const Scene& scene, const std::vector<int>& threads, int rounds,
                   Report& report) {
  for (const int count : threads) bench(scene, count, rounds, report);
}

}  // namespace gavotte::bench
