#include "compare.h"

#include <benchmark/benchmark.h>

#include <time.h>

#include <map>
#include <utility>

#include "check.h"

namespace gavotte::bench {

namespace {

constexpr const char* kBeside = "beside_ms";

double now_ms(Clock clock) {
  timespec now{};
  clock_gettime(clock == Clock::wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

double time_ms(const std::function<void()>& call, Clock clock) {
  const double start = now_ms(clock);
  if (call) call();
  return now_ms(clock) - start;
}

/// Keeps the times of every round; prints nothing.
class Collector : public benchmark::BenchmarkReporter {
 public:
  explicit Collector(Clock clock) : clock_(clock) {}
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      const std::string& name = run.run_name.function_name;
      times_ms[name].push_back(clock_ == Clock::wall ? run.GetAdjustedRealTime()
                                                     : run.GetAdjustedCPUTime());
      beside_ms[name].push_back(run.counters.at(kBeside).value);
    }
  }
  std::map<std::string, std::vector<double>> times_ms, beside_ms;

 private:
  Clock clock_;
};

void enable_interleaving() {
  std::string program = "bench", flag = "--benchmark_enable_random_interleaving=true";
  std::vector<char*> arguments = {program.data(), flag.data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments.data());
}

}  // namespace

Comparison compare(const std::vector<Contender>& contenders, int rounds, Clock clock) {
  enable_interleaving();
  benchmark::ClearRegisteredBenchmarks();
  for (const Contender& contender : contenders) {
    contender.call();  // warm caches, pages and thread pool
    benchmark::RegisterBenchmark(contender.name.c_str(),
                                 [&contender, clock](benchmark::State& state) {
                                   if (contender.warm_up) contender.warm_up();
                                   double beside_ms = time_ms(contender.beside, clock);
                                   for (auto round : state) {
                                     (void)round;
                                     contender.call();
                                   }
                                   beside_ms += time_ms(contender.beside, clock);
                                   state.counters[kBeside] = beside_ms / contender.beside_share;
                                 })
        ->Iterations(1)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  Collector collector(clock);
  for (int round = 0; round < rounds; ++round) benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  Comparison::Times ms, beside_ms;
  for (const Contender& contender : contenders) {
    ms.push_back(collector.times_ms[contender.name]);
    beside_ms.push_back(collector.beside_ms[contender.name]);
    GAVOTTE_CHECK_RUNTIME(static_cast<int>(ms.back().size()) == rounds,
                          "expected " + std::to_string(rounds) + " times of '" + contender.name +
                              "'; got " + std::to_string(ms.back().size()));
  }
  return Comparison(std::move(ms), std::move(beside_ms));
}

}  // namespace gavotte::bench
