// A run as a sequence of restart groups: the input, each map, each step, the return of the result. A flag may end a group
// at a tile boundary; what it wrote so far is written again when the group is run again. On a GPU the host runs ahead: the
// kernels say at the end which group they have left undone.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "executor/executor_impl.h"
#include "executor/region.h"
#include "launch_scope.h"
#include "network/graph.h"
#include "parallel.h"

namespace gavotte {

using internal::at;
using internal::in_region;
using internal::Job;
using internal::ScanData;

namespace {

/// Of one call, the only one at its time.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& busy) : busy_(busy) {
    GAVOTTE_CHECK(!busy.exchange(true),
                  "an Executor runs one scan at a time; this call came from a callback of its run, "
                  "or from another thread beside it");
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { busy_ = false; }

 private:
  std::atomic<bool>& busy_;
};

}  // namespace

/// As a manifest counts them.
int Executor::Impl::restart_group(const Job& job) const {
  if (!job.prepared && !job.own) return 0;
  const std::size_t maps = plan.maps.size(), done = job.scan().maps.size();
  return static_cast<int>(1 + (done < maps ? done : maps + job.steps));
}

void Executor::Impl::check_run(const RunOptions& how) const {
  GAVOTTE_CHECK(!how.threads || options.device.kind == DeviceKind::cpu,
                "a number of threads is for runs on the CPU, got an Executor on " +
                    options.device.to_string());
  if (how.threads) check_threads({.threads = *how.threads});
  if (how.multiprocessors) check_multiprocessors(*how.multiprocessors);
}

RunOutcome Executor::Impl::run(Job job, const RunOptions& how) {
  const Turn turn(busy);
  GAVOTTE_CHECK(!underway, "run() expects no suspended run, got one at restart group " +
                               std::to_string(restart_group(*underway)) +
                               ": resume() or drop() it first");
  check_run(how);
  underway = std::move(job);
  try {
    return go_on(how);
  } catch (...) {
    drop();
    throw;
  }
}

RunOutcome Executor::Impl::resume(const RunOptions& how) {
  const Turn turn(busy);
  GAVOTTE_CHECK(underway.has_value(), "resume() expects a suspended run, there is none");
  check_run(how);
  return go_on(how);
}

RunOutcome Executor::Impl::go_on(const RunOptions& how) {
  call = execution;
  if (how.threads) call.threads = *how.threads;
  begin_sharing(how);
  const internal::SharingScope scope(*backend, &sharing);
  if (!advance(how.evict)) return {{}, restart_group(*underway)};
  RunOutcome outcome{std::move(underway->result)};
  drop();
  return outcome;
}

void Executor::Impl::drop() noexcept {
  underway.reset();
  for (Coordinates& set : set_coordinates) set = {};  // only a result keeps its set
}

void Executor::Impl::begin_sharing(const RunOptions& how) {
  sharing = {.multiprocessors = how.multiprocessors.value_or(options.multiprocessors)};
  if (how.evict == nullptr || options.device.kind == DeviceKind::cpu) return;
  if (!run_stop) run_stop = backend->make_run_stop();
  run_stop->begin(call, *how.evict);
  sharing.stop = run_stop.get();
}

/// A group's body, with a boundary before it.
template <class Body>
void Executor::Impl::in_group(const Job& job, EvictionFlag* flag, Body&& body) {
  if (options.device.kind == DeviceKind::cpu) return in_region(flag, body);
  sharing.group = restart_group(job);
  // Nothing is counted here: kernels do, at their boundaries.
  if (flag != nullptr && flag->is_set()) throw internal::cpu::Stopped{};
  body();
}

/// On a GPU waits for all that was started, and ends the run where a kernel has left something undone.
void Executor::Impl::settle() {
  if (sharing.stop != nullptr && sharing.stop->unfinished_group()) throw internal::cpu::Stopped{};
}

/// To the first group that a kernel has left undone: what the host has started after it counts for nothing.
void Executor::Impl::rewind(Job& job) {
  const int reached = restart_group(job), maps = static_cast<int>(plan.maps.size());
  const int group = std::min(reached, sharing.stop->unfinished_group().value_or(reached));
  if (group == 0) {
    job.own.reset();
  } else if (group <= maps) {  // all maps are made in one
    job.own->maps.clear();
    job.own->manager.clear();
  } else {
    RunStats& stats = job.result.stats;
    for (const std::size_t first = at(group - 1 - maps); job.steps > first;)
      stats.compute_ms -= stats.layers[--job.steps].compute_ms;
  }
}

/// The run underway to its end, or false where the flag has ended it; all that it needs to go on is then the Executor's.
bool Executor::Impl::advance(EvictionFlag* flag) {
  Job& job = *underway;
  try {
    prepare(job, flag);
    {
      const internal::Timed timed(job.ms);
      if (!job.placed) start_steps(job);
      while (job.steps < plan.steps.size()) run_next_step(job, flag);
      finish(job, flag);
      settle();
    }
    RunStats& stats = job.result.stats;
    stats.map_ms = job.scan().ms;
    stats.total_ms = stats.map_ms + job.ms - padding_ms;
    return true;
  } catch (const internal::cpu::Stopped&) {
  }
  if (sharing.stop != nullptr) rewind(job);
  if (job.prepared) return false;
  job.input.own(call);
  if (job.own && !job.own->memory && !job.own->lent) {
    job.own->memory = job.input.feature_memory;
    job.own->features = job.input.features;
  }
  return false;
}

void Executor::Impl::prepare(Job& job, EvictionFlag* flag) {
  if (job.prepared || job.placed) return;
  const std::span<std::byte> lent = begin_run();
  if (job.own && job.preparing_threads != call.threads) {
    job.ms += job.own->ms;
    job.own.reset();
  }
  job.preparing_threads = call.threads;
  if (!job.own) in_group(job, flag, [&] { job.own = read_input(job.input, call); });
  if (options.device.kind == DeviceKind::cpu) return build_maps(*job.own, flag, lent);
  in_group(job, flag, [&] { build_maps(*job.own, nullptr, lent); });
  settle();  // steps may ask a map for other forms, which it keeps
}

/// Places the features, for which no flag waits.
void Executor::Impl::start_steps(Job& job) {
  const ScanData& scan = job.scan();
  take_sets(scan.input, scan.maps);
  const int output_set = plan.values[at(plan.output)].set;
  const bool on_input =
      output_set != internal::kBatchRows && set_coordinates[at(output_set)].same_as(scan.input);
  job.reorder = on_input && !scan.given.same_as(scan.input);
  reserve_arena(std::max(place(scan.batch, job.reorder), scan.borrowed_bytes));
  set_views(arena, scan.batch);
  padding_ms = 0;
  job.result.stats.layers = layer_stats;
  std::vector<bool> counted(scan.maps.size(), false);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const int map = plan.steps[i].map;
    if (map < 0 || counted[at(map)]) continue;
    job.result.stats.layers[i].map_ms = scan.maps[at(map)].build_ms;
    counted[at(map)] = true;
  }
  job.placed = true;
}

void Executor::Impl::run_next_step(Job& job, EvictionFlag* flag) {
  const ScanData& scan = job.scan();
  RunStats& stats = job.result.stats;
  const std::size_t i = job.steps;
  const int map = plan.steps[i].map;
  const internal::LaunchScope scope(internal::RunPart::step, i);
  in_group(job, flag, [&] {
    if (i == 0) write_bytes(0, scan.features);
    run_step(i, map >= 0 ? scan.maps[at(map)].map : KernelMap(), scan.features, stats.layers[i]);
  });
  if (options.observe) settle();
  ++job.steps;
  stats.compute_ms += stats.layers[i].compute_ms;
  const internal::SharingScope callers_work(*backend, nullptr);
  if (options.observe) options.observe(static_cast<int>(i), views[at(plan.steps[i].output)]);
  if (options.progress) options.progress(static_cast<int>(i), static_cast<int>(plan.steps.size()));
}

void Executor::Impl::finish(Job& job, EvictionFlag* flag) {
  const ScanData& scan = job.scan();
  Result& result = job.result;
  const int output_set = plan.values[at(plan.output)].set;
  result.features = views[at(plan.output)];
  if (output_set != internal::kBatchRows) result.coordinates = set_coordinates[at(output_set)];
  in_group(job, flag, [&] {
    if (job.reorder)
      backend->scatter_rows(call, result.features, scan.given.order(), 0, views.back());
  });
  if (job.reorder) {
    result.features = views.back();
    result.coordinates = scan.given;
  }
  RunStats& stats = result.stats;
  stats.voxels = scan.input.rows();
  stats.arena_bytes = arena.capacity();
  stats.peak_bytes = arena.capacity() + scan.bytes() + scan.given_feature_bytes;
  stats.needed_bytes = needed_bytes(scan);
  stats.weight_bytes = weight_bytes;
}

namespace {

/// A whole run is never cancelled.
Result whole(RunOutcome outcome) { return std::move(*outcome.result); }

}  // namespace

RunOutcome Executor::run(const Voxels& voxels, const RunOptions& how) {
  Job job;
  job.input = impl_->input_of(voxels);
  return impl_->run(std::move(job), how);
}

RunOutcome Executor::run(ConstTensorView coordinates, ConstTensorView features,
                         const RunOptions& how) {
  Job job;
  job.input = {coordinates, features};
  return impl_->run(std::move(job), how);
}

RunOutcome Executor::run(const PreparedScan& scan, const RunOptions& how) {
  impl_->data_of(scan);
  Job job;
  job.prepared = scan.data_;
  return impl_->run(std::move(job), how);
}

Result Executor::run(const Voxels& voxels) { return whole(run(voxels, {})); }

Result Executor::run(ConstTensorView coordinates, ConstTensorView features) {
  return whole(run(coordinates, features, {}));
}

Result Executor::run(const PreparedScan& scan) { return whole(run(scan, {})); }

RunOutcome Executor::resume(const RunOptions& how) { return impl_->resume(how); }

bool Executor::suspended() const noexcept { return !impl_->busy && impl_->underway.has_value(); }

void Executor::drop() noexcept {
  if (!impl_->busy) impl_->drop();
}

}  // namespace gavotte
