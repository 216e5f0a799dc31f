#include "compare.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>

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

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void enable_interleaving() {
  std::string program = "bench", flag = "--benchmark_enable_random_interleaving=true";
  std::vector<char*> arguments = {program.data(), flag.data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments.data());
}

}  // namespace

std::vector<double> compare(const std::vector<Contender>& contenders, int rounds, Clock clock) {
  enable_interleaving();
  benchmark::ClearRegisteredBenchmarks();
  for (const Contender& contender : contenders) {
    contender.call();  // warm caches, pages and thread pool
    benchmark::RegisterBenchmark(contender.name.c_str(),
                                 [&contender](benchmark::State& state) {
                                   for (auto round : state) {
                                     (void)round;
                                     contender.call();
                                   }
                                 })
        ->Iterations(1)
        ->Repetitions(rounds)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  Collector collector(clock);
  benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  std::vector<double> medians;
  for (const Contender& contender : contenders) {
    const std::vector<double>& times = collector.times_ms[contender.name];
    GAVOTTE_CHECK_RUNTIME(static_cast<int>(times.size()) == rounds,
                          "expected " + std::to_string(rounds) + " times of '" + contender.name +
                              "'; got " + std::to_string(times.size()));
    medians.push_back(median(times));
  }
  return medians;
}

}  // namespace gavotte::bench
