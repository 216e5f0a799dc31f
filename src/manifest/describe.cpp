#include "manifest/describe.h"

#include <algorithm>

#include "manifest/durations.h"
#include "manifest/metric.h"
#include "manifest/overlaps.h"
#include "manifest/plan_buffers.h"
#include "manifest/regions.h"
#include "manifest/sequence_hash.h"

namespace gavotte::internal {
namespace {

void set_cpu(const Manifest& manifest, manifest::Launch& launch) {
  leave_out_all("a region of a CPU has no symbol", launch.kernel.mangled, launch.kernel.demangled);
  leave_out("the backend cuts a region into tasks as it runs", launch.grid);
  launch.block = derived(std::array<std::int64_t, 3>{manifest.run.threads, 1, 1},
                         "threads of the call's budget");
  leave_out_all("not a GPU", launch.grid_formula, launch.block_formula,
                launch.static_shared_memory_bytes, launch.dynamic_shared_memory_bytes,
                launch.registers, launch.cluster, launch.occupancy.blocks_per_sm,
                launch.occupancy.sms_needed, launch.occupancy.waves, launch.work.tensor_flop,
                launch.utilisation.tensor);
  leave_out_all("no counter was read", launch.utilisation.sm, launch.utilisation.dram,
                launch.utilisation.l2);
  leave_out_prediction(launch.predict);
  leave_out("no meter was read", launch.energy_mj);
}

void set_safety(const Overlaps& buffers, manifest::Launch& launch) {
  const bool in_place = buffers.any(launch.segments.reads, launch.segments.writes);
  launch.safety.idempotent = derived(
      !in_place, in_place ? "it reads memory that it writes"
                          : "it writes all of its segments from others that it leaves alone");
  launch.safety.restart_group = launch.seq;
  launch.safety.block_independent = derived(true, "no two tasks write the same memory");
}

/// A step's tiles are of one kind and about equal; the input and a map are made in passes of several, one of which may
/// be most of it.
void set_preemption(std::int64_t tiles, bool is_step, std::int64_t threads,
                    manifest::Launch& launch) {
  launch.safety.preemption_points =
      measured(tiles, "tile boundaries that a run of this scan passed");
  const manifest::Amount& longest = launch.duration_us.p99;
  launch.safety.latency_us = longest;
  launch.safety.latency_us.how = "p99 of the region: no bound within";
  if (!is_step || tiles == 0) return;
  const std::int64_t at_once = std::min(tiles, threads);
  launch.safety.latency_us =
      estimated(*longest.v * static_cast<double>(at_once) / static_cast<double>(tiles),
                "p99 of the region * min(threads, tiles) / tiles, as if tiles were equal");
}

}  // namespace

void describe_run(const ExecutorAccess::Impl& impl, const std::vector<RunStats>& rounds,
                  const std::vector<std::int64_t>& tiles, Manifest& manifest) {
  const RunStats& stats = rounds.back();
  manifest.run.symbols = run_symbols(impl, stats);
  manifest.buffers = plan_buffers(impl, manifest.run.symbols);
  leave_out_predictions(manifest.run);
  const Overlaps buffers(manifest.buffers);
  const std::vector<manifest::Duration> durations = region_durations(impl.plan, rounds);
  for (Region& region : run_regions(impl, stats, buffers)) {
    manifest::Launch& launch = manifest.launches.emplace_back(std::move(region.launch));
    launch.seq = static_cast<std::int64_t>(manifest.launches.size()) - 1;
    launch.api = "cpu";
    launch.kernel.key = key_of(launch.seq, launch.layer, launch.op, region.dataflow);
    launch.duration_us = durations[static_cast<std::size_t>(launch.seq)];
    set_cpu(manifest, launch);
    set_safety(buffers, launch);
    set_preemption(tiles[static_cast<std::size_t>(launch.seq)],
                   launch.seq > static_cast<std::int64_t>(impl.plan.maps.size()),
                   manifest.run.threads, launch);
    set_class(manifest.device, launch);
    launch.dependencies = buffers.dependencies(manifest.launches, launch);
  }
  manifest.run.launch_sequence_hash = sequence_hash(manifest);
}

}  // namespace gavotte::internal
