#include "compare.h"

#include <benchmark/benchmark.h>

#include <map>
#include <utility>

#include "check.h"

namespace gavotte::bench {

namespace {

/// Keeps the time of every round; prints nothing.
class Collector : public benchmark::BenchmarkReporter {
 public:
  explicit Collector(Clock clock) : clock_(clock) {}
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration && !run.error_occurred)
        times_ms[run.run_name.function_name].push_back(
            clock_ == Clock::wall ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime());
    }
  }
  std::map<std::string, std::vector<double>> times_ms;

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
                                 [&contender](benchmark::State& state) {
                                   if (contender.warm_up) contender.warm_up();
                                   for (auto round : state) {
                                     (void)round;
                                     contender.call();
                                   }
                                 })
        ->Iterations(1)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  Collector collector(clock);
  for (int round = 0; round < rounds; ++round) benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  std::vector<std::vector<double>> ms;
  for (const Contender& contender : contenders) {
    ms.push_back(collector.times_ms[contender.name]);
    GAVOTTE_CHECK_RUNTIME(static_cast<int>(ms.back().size()) == rounds,
                          "expected " + std::to_string(rounds) + " times of '" + contender.name +
                              "'; got " + std::to_string(ms.back().size()));
  }
  return Comparison(std::move(ms));
}

}  // namespace gavotte::bench
