// Runs a network for its manifest: the rounds, and what is known of library, device and run as a whole.
#include <cmath>

#include "check.h"
#include "gavotte/manifest.h"
#include "gavotte/version.h"
#include "manifest/describe.h"
#include "manifest/durations.h"
#include "manifest/metric.h"
#include "manifest/tiles.h"

namespace gavotte {
namespace {

using internal::declared;
using internal::derived;
using internal::leave_out;
using internal::leave_out_all;
using internal::measured;

constexpr int kMostRounds = 1'000'000;
const std::string kNoGpu = "not a GPU";

void check(const ExecutorOptions& options, const ManifestOptions& how) {
  GAVOTTE_CHECK(options.device.kind == DeviceKind::cpu,
                "profile() is for runs on the CPU, got " + options.device.to_string());
  GAVOTTE_CHECK(
      how.rounds >= 1 && how.rounds <= kMostRounds && how.warmup >= 0 && how.warmup <= kMostRounds,
      "profile() expects 1 to 1000000 rounds after 0 to 1000000 of warm-up, got " +
          std::to_string(how.rounds) + " after " + std::to_string(how.warmup));
  for (const double peak : {how.peak_gflops, how.peak_dram_gb_per_s})
    GAVOTTE_CHECK(peak >= 0 && std::isfinite(peak),
                  "profile() expects peaks of at least 0, got " + std::to_string(peak));
}

manifest::Library library_facts() {
  manifest::Library library;
  library.version = std::string(version());
  library.commit = internal::commit();
#ifdef __VERSION__
  library.toolkit = declared<std::string>(__VERSION__, "the compiler's version");
#endif
  leave_out_all(kNoGpu, library.cudart, library.launch, library.ptx);
  return library;
}

manifest::DeviceFacts device_facts(const Device& device, const ManifestOptions& how) {
  const DeviceIdentity identity = DeviceIdentity::of(device);
  manifest::DeviceFacts facts;
  facts.kind = "cpu";
  facts.name = identity.name;
  facts.units = declared<std::int64_t>(identity.units, "cores that the process may use");
  facts.clock_mhz.how = "the system does not tell";
  if (identity.clock_mhz > 0)
    facts.clock_mhz = declared(identity.clock_mhz, "the system's greatest clock");
  leave_out_all(kNoGpu, facts.limits.threads_per_unit, facts.limits.blocks_per_unit,
                facts.limits.registers_per_unit, facts.limits.shared_memory_bytes_per_unit,
                facts.driver, facts.memory_clock_mhz, facts.peaks.tensor_gflops, facts.sharing.mig,
                facts.sharing.mps);
  const std::string given = "given by the caller", unknown = "not given by the caller";
  facts.peaks.gflops.how = facts.peaks.dram_gb_per_s.how = unknown;
  facts.balance.how = "it takes both peaks";
  if (how.peak_gflops > 0) facts.peaks.gflops = declared(how.peak_gflops, given);
  if (how.peak_dram_gb_per_s > 0)
    facts.peaks.dram_gb_per_s = declared(how.peak_dram_gb_per_s, given);
  if (how.peak_gflops > 0 && how.peak_dram_gb_per_s > 0)
    facts.balance = derived(how.peak_gflops / how.peak_dram_gb_per_s, "gflops / dram_gb_per_s");
  return facts;
}

manifest::Run run_facts(const Network& network, const ExecutorOptions& options, int threads,
                        const RunStats& stats) {
  manifest::Run run;
  run.network = network.metadata().name;
  run.dtype = std::string(name(options.dtype));
  run.threads = threads;
  run.sequence_stable = options.config
                            ? derived(false, "a tuned config may choose by a scan's size")
                            : derived(true, "the plan does not depend on the scan");
  run.host_reads = derived(std::int64_t{0}, "a CPU's results lie with the host");
  run.workspace_bytes = measured(stats.arena_bytes, "the arena's capacity");
  run.peak_bytes = measured(stats.peak_bytes, "arena, maps and coordinate sets");
  return run;
}

std::vector<RunStats> timed_rounds(Executor& executor, const Voxels& voxels,
                                   const ManifestOptions& how) {
  std::vector<RunStats> rounds;
  for (int i = 0; i < how.warmup + how.rounds; ++i) {
    RunStats stats = executor.run(voxels).stats;
    if (i >= how.warmup) rounds.push_back(std::move(stats));
  }
  return rounds;
}

manifest::Duration whole_runs(const std::vector<RunStats>& rounds) {
  std::vector<double> us;
  for (const RunStats& stats : rounds) us.push_back(stats.total_ms * 1e3);
  return internal::duration_of(std::move(us), "steady clock around the run and its preparing");
}

/// Durations with each budget of threads up to that of the run, whose own come last.
void add_sweep(const Network& network, const Voxels& voxels, ExecutorOptions options,
               const ManifestOptions& how, Manifest& manifest) {
  for (int threads = 1; threads < manifest.run.threads; ++threads) {
    options.threads = threads;
    Executor executor(network, options);  // one at a time: each packs its weights
    const std::vector<RunStats> rounds = timed_rounds(executor, voxels, how);
    const auto durations =
        internal::region_durations(internal::ExecutorAccess::impl(executor).plan, rounds);
    for (std::size_t i = 0; i < durations.size(); ++i)
      manifest.launches[i].sm_budget.push_back({threads, durations[i]});
  }
  for (manifest::Launch& launch : manifest.launches)
    launch.sm_budget.push_back({manifest.run.threads, launch.duration_us});
}

}  // namespace

Manifest profile(const Network& network, const Voxels& voxels, const ExecutorOptions& options,
                 const ManifestOptions& how) {
  check(options, how);
  Executor executor(network, options);
  const std::vector<RunStats> rounds = timed_rounds(executor, voxels, how);
  auto& impl = internal::ExecutorAccess::impl(executor);
  impl.options.observe = {};  // the run that counts tiles is not the caller's
  impl.options.progress = {};
  const std::vector<std::int64_t> tiles = internal::count_tiles(impl, voxels);
  Manifest manifest;
  manifest.library = library_facts();
  manifest.device = device_facts(options.device, how);
  manifest.run = run_facts(network, options, kind_threads(impl.execution), rounds.back());
  manifest.run.duration_us = whole_runs(rounds);
  internal::describe_run(impl, rounds, tiles, manifest);
  if (voxels.points() > 0)
    manifest.run.symbols["points"] = measured(voxels.points(), "points that became the voxels");
  if (how.thread_sweep) add_sweep(network, voxels, options, how, manifest);
  return manifest;
}

}  // namespace gavotte
