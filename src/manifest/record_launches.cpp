// Runs a network on a GPU for its manifest: nothing is timed, all that is started is recorded.
#include "check.h"
#include "gavotte/manifest.h"
#include "gavotte/version.h"
#include "manifest/describe_launches.h"
#include "manifest/enqueued_run.h"
#include "manifest/metric.h"
#include "manifest/tiles.h"

namespace gavotte {
namespace {

using internal::declared;
using internal::derived;
using internal::leave_out;
using internal::leave_out_all;
using internal::measured;

manifest::Library library_facts(const internal::LaunchFacts& facts) {
  manifest::Library library;
  library.version = std::string(version());
  library.commit = internal::commit();
  leave_out("no table of kernel resources says it", library.toolkit);
  if (facts.resources)
    library.toolkit = declared(facts.resources->toolkit, "by the table of kernel resources");
  library.cudart = declared<std::string>("shared", "how the backend is linked");
  library.launch = declared<std::string>("cudaLaunchKernel", "its one wrapper");
  leave_out("the build does not note it", library.ptx);
  return library;
}

void set_limits(const std::optional<internal::SmLimits>& limits, const std::string& capability,
                manifest::DeviceLimits& facts) {
  leave_out_all("the limits of compute capability " + capability + " are not known",
                facts.threads_per_unit, facts.blocks_per_unit, facts.registers_per_unit,
                facts.shared_memory_bytes_per_unit);
  if (!limits) return;
  const std::string how =
      "compute capability " + capability + ", as the CUDA programming guide lists it";
  facts.threads_per_unit = declared(limits->threads, how);
  facts.blocks_per_unit = declared(limits->blocks, how);
  facts.registers_per_unit = declared(limits->registers, how);
  facts.shared_memory_bytes_per_unit = declared(limits->shared_bytes, how);
}

template <class T>
void set_figure(const std::optional<T>& value, const std::string& source,
                manifest::Metric<T>& metric) {
  leave_out("not known", metric);
  if (value) metric = declared(*value, source);
}

/// What a description says; without one, what the backend does.
manifest::DeviceFacts device_facts(const DeviceIdentity& identity,
                                   const std::optional<internal::DeviceDescription>& given) {
  internal::DeviceDescription device;
  if (given) {
    device = *given;
  } else {
    device.name = identity.name;
    device.source = "the CUDA runtime";
    device.units = identity.units;
    if (identity.clock_mhz > 0) device.clock_mhz = identity.clock_mhz;
  }
  manifest::DeviceFacts facts;
  facts.kind = "cuda";
  facts.name = device.name;
  set_figure(device.units, device.source, facts.units);
  set_figure(device.clock_mhz, device.source, facts.clock_mhz);
  set_figure(device.memory_clock_mhz, device.source, facts.memory_clock_mhz);
  set_figure(device.gflops, device.source, facts.peaks.gflops);
  set_figure(device.tensor_gflops, device.source, facts.peaks.tensor_gflops);
  set_figure(device.dram_gb_per_s, device.source, facts.peaks.dram_gb_per_s);
  facts.balance.how = "it takes both peaks";
  if (device.gflops && device.dram_gb_per_s)
    facts.balance = derived(*device.gflops / *device.dram_gb_per_s, "gflops / dram_gb_per_s");
  leave_out("nobody asked the driver", facts.driver);
  leave_out_all("nobody asked the driver", facts.sharing.mig, facts.sharing.mps);
  return facts;
}

struct RecordedRun {
  RunStats stats;
  std::vector<internal::RecordedLaunch> launches;
  std::int64_t waits = 0;
  std::vector<std::int64_t> tiles;  ///< Of each kernel; none where no eviction flag is taken.
};

/// The first run takes the memory.
RecordedRun record_run(Executor& executor, const Voxels& voxels, const ExecutorOptions& options) {
  executor.run(voxels);
  std::vector<std::int64_t> tiles = internal::count_kernel_tiles(executor, voxels);
  const internal::LaunchRecorder recorder(internal::backend(options.device));
  RunStats stats = executor.run(voxels).stats;
  return {std::move(stats), recorder.launches(), recorder.waits(), std::move(tiles)};
}

RecordedRun record_enqueued(Executor& executor, const Voxels& voxels,
                            const ExecutorOptions& options) {
  const auto& impl = internal::ExecutorAccess::impl(executor);
  const internal::EnqueuedScan scan(voxels, options, impl.plan.dims);
  scan.enqueue(executor);
  executor.collect();  // says what is wrong with the scan
  RecordedRun recorded;
  {
    const internal::LaunchRecorder recorder(internal::backend(options.device));
    scan.enqueue(executor);
    recorded.launches = recorder.launches();
    recorded.waits = recorder.waits();
  }
  recorded.stats = internal::enqueued_stats(impl, executor.collect().stats);
  return recorded;
}

}  // namespace

Manifest record_launches(const Network& network, const Voxels& voxels,
                         const ExecutorOptions& options, const LaunchOptions& files) {
  GAVOTTE_CHECK(options.device.kind == DeviceKind::cuda,
                "record_launches() is for runs on a GPU, got " + options.device.to_string());
  std::optional<internal::DeviceDescription> description;
  if (!files.device_description.empty())
    description = internal::DeviceDescription::load(files.device_description);
  const DeviceIdentity identity = DeviceIdentity::of(options.device);
  const auto capability =
      description ? description->compute_capability : identity.compute_capability;
  internal::LaunchFacts facts;
  facts.run_units = identity.units;
  facts.is_where_it_ran = !description;
  facts.capability = std::to_string(capability[0]) + "." + std::to_string(capability[1]);
  facts.limits = internal::sm_limits(capability[0], capability[1]);
  if (!files.kernel_resources.empty())
    facts.resources = internal::ResourceTable::load(files.kernel_resources, capability);

  Executor executor(network, options);
  const RecordedRun recorded = files.enqueued ? record_enqueued(executor, voxels, options)
                                              : record_run(executor, voxels, options);
  const RunStats& stats = recorded.stats;
  facts.tiles = recorded.tiles;

  Manifest manifest;
  manifest.library = library_facts(facts);
  manifest.device = device_facts(identity, description);
  set_limits(facts.limits, facts.capability, manifest.device.limits);
  manifest::Run& run = manifest.run;
  run.network = network.metadata().name;
  run.dtype = std::string(name(options.dtype));
  run.sequence_stable =
      files.enqueued
          ? derived(
                true,
                "keys, grids and what other libraries run follow from bounds, not from the scan")
          : derived(false,
                    "a scan's box decides how wide keys are, its sizes what other libraries run");
  run.host_reads = derived(recorded.waits, "waits of the recorded run");
  run.workspace_bytes = measured(stats.arena_bytes, "the arena's capacity");
  leave_out_all("nothing was timed", run.duration_us.min, run.duration_us.median,
                run.duration_us.p99, run.duration_us.n);
  run.peak_bytes = measured(stats.peak_bytes, "arena, maps and coordinate sets");
  internal::describe_launches(internal::ExecutorAccess::impl(executor), stats, recorded.launches,
                              facts, manifest);
  return manifest;
}

}  // namespace gavotte
