#include "manifest/describe.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "config/kinds.h"
#include "manifest/durations.h"
#include "manifest/metric.h"
#include "manifest/plan_buffers.h"
#include "manifest/sequence_hash.h"

namespace gavotte::internal {
namespace {

using Impl = ExecutorAccess::Impl;
using manifest::Buffer;
using manifest::Launch;
using manifest::Segment;

constexpr std::size_t kMostKeyPart = 100;

std::string key_of(std::int64_t seq, const std::string& layer, const std::string& op,
                   const std::string& dataflow) {
  char number[24];
  std::snprintf(number, sizeof(number), "%04lld", static_cast<long long>(seq));
  std::string key = number;
  for (const std::string* part : {&layer, &op, &dataflow}) {
    if (part->empty()) continue;
    key += '.';
    for (const char c : part->substr(0, kMostKeyPart)) {
      const bool allowed =
          (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      key += allowed ? c : '_';
    }
  }
  return key;
}

manifest::Config config_of(const ConvConfig& config, ConfigSource source) {
  const auto integer = [](std::int32_t value) { return static_cast<std::int64_t>(value); };
  return {std::string(name(source)),
          {{"dataflow", std::string(name(config.dataflow))},
           {"tile_rows", integer(config.tile_rows)},
           {"gather_channel_tile", integer(config.gather_channel_tile)},
           {"scatter_channel_tile", integer(config.scatter_channel_tile)},
           {"grouping", std::string(name(config.grouping))},
           {"padding_threshold", static_cast<double>(config.padding_threshold)},
           {"launch_cost_rows", static_cast<double>(config.launch_cost_rows)},
           {"wgrad_chunk_pairs", integer(config.wgrad_chunk_pairs)},
           {"threads", integer(config.threads)}}};
}

manifest::Config config_of(const MapChoice& choice) {
  const MapConfig& config = choice.config;
  const auto integer = [](std::int32_t value) { return static_cast<std::int64_t>(value); };
  return {std::string(name(choice.source)),
          {{"builder", std::string(name(config.builder))},
           {"symmetric", config.symmetric},
           {"block_size", integer(config.block_size)},
           {"query_tile", integer(config.query_tile)},
           {"threads", integer(config.threads)}}};
}

/// What runs on the CPU under a config.
std::string dataflow_of(const PlanStep& step, const ConvConfig& config) {
  if (step.kind != StepKind::dense && step.kind != StepKind::convolution) return "";
  if (step.quantization) return "tile_indirect_int8";
  if (step.kind == StepKind::dense) return "dense_gemm";
  const bool given = config.dataflow == Dataflow::gather_gemm_scatter;
  return std::string(name(given ? config.dataflow : Dataflow::tile_indirect));
}

void leave_out_prediction(manifest::Prediction& predict) {
  leave_out_all("no model was fitted", predict.duration_us, predict.error, predict.band.sizes,
                predict.band.voxels, predict.band.points);
}

class Describer {
 public:
  Describer(const Impl& impl, const std::vector<RunStats>& rounds,
            const std::vector<std::int64_t>& tiles, Manifest& manifest)
      : impl_(impl),
        stats_(rounds.back()),
        tiles_(tiles),
        manifest_(manifest),
        durations_(region_durations(impl.plan, rounds)) {}

  void describe() {
    manifest_.run.symbols = run_symbols(impl_, stats_);
    manifest_.buffers = plan_buffers(impl_, manifest_.run.symbols);
    for (const Buffer& buffer : manifest_.buffers) buffers_[buffer.name] = &buffer;
    leave_out_all("no model was fitted", manifest_.run.predict.scans, manifest_.run.predict.level);
    leave_out_prediction(manifest_.run.predict.total);
    add_input();
    for (std::size_t i = 0; i < impl_.plan.maps.size(); ++i) add_map(i);
    for (std::size_t i = 0; i < impl_.plan.steps.size(); ++i) add_step(i);
    add_return();
    manifest_.run.launch_sequence_hash = sequence_hash(manifest_);
  }

 private:
  Launch& add(const std::string& layer, const std::string& op, const std::string& dataflow,
              const Touched& touched) {
    const auto seq = static_cast<std::int64_t>(manifest_.launches.size());
    Launch& launch = manifest_.launches.emplace_back();
    launch.seq = seq;
    launch.layer = layer;
    launch.op = op;
    launch.api = "cpu";
    launch.kernel.key = key_of(seq, layer, op, dataflow);
    launch.duration_us = durations_[static_cast<std::size_t>(seq)];
    for (const std::string& name : touched.reads) launch.segments.reads.push_back(whole(name));
    for (const std::string& name : touched.writes) launch.segments.writes.push_back(whole(name));
    set_cpu(launch);
    set_safety(launch);
    set_dependencies(launch);
    return launch;
  }

  Segment whole(const std::string& name) const {
    const Buffer& buffer = *buffers_.at(name);
    return {name, "0", buffer.size, 0, *buffer.bytes.v};
  }

  void set_cpu(Launch& launch) const {
    leave_out_all("a region of a CPU has no symbol", launch.kernel.mangled,
                  launch.kernel.demangled);
    leave_out("the backend cuts a region into tasks as it runs", launch.grid);
    launch.block = derived(std::array<std::int64_t, 3>{manifest_.run.threads, 1, 1},
                           "threads of the call's budget");
    leave_out_all("not a GPU", launch.static_shared_memory_bytes,
                  launch.dynamic_shared_memory_bytes, launch.registers, launch.cluster,
                  launch.occupancy.blocks_per_sm, launch.occupancy.sms_needed,
                  launch.occupancy.waves, launch.work.tensor_flop, launch.utilisation.tensor);
    leave_out_all("no counter was read", launch.utilisation.sm, launch.utilisation.dram,
                  launch.utilisation.l2);
    leave_out_prediction(launch.predict);
    leave_out("no meter was read", launch.energy_mj);
    leave_out_all("not counted for this operation", launch.work.flop, launch.work.dram_bytes);
    launch.classed.metric = {{}, manifest::Source::unavailable, "its work is not counted"};
  }

  /// Whether two segments share bytes of one memory.
  bool overlap(const Segment& a, const Segment& b) const {
    const Buffer &p = *buffers_.at(a.buffer), &q = *buffers_.at(b.buffer);
    if (p.memory != q.memory) return false;
    const std::int64_t p0 = *p.offset_bytes.v, q0 = *q.offset_bytes.v;
    return p0 + a.begin_bytes < q0 + b.end_bytes && q0 + b.begin_bytes < p0 + a.end_bytes;
  }
  bool any_overlap(const std::vector<Segment>& a, const std::vector<Segment>& b) const {
    return std::any_of(a.begin(), a.end(), [&](const Segment& p) {
      return std::any_of(b.begin(), b.end(), [&](const Segment& q) { return overlap(p, q); });
    });
  }

  void set_safety(Launch& launch) const {
    const bool in_place = any_overlap(launch.segments.reads, launch.segments.writes);
    launch.safety.idempotent = derived(
        !in_place, in_place ? "it reads memory that it writes"
                            : "it writes all of its segments from others that it leaves alone");
    launch.safety.restart_group = launch.seq;
    launch.safety.block_independent = derived(true, "no two tasks write the same memory");
    set_preemption(launch);
  }

  /// A step's tiles are of one kind and about equal; the input and a map are made in passes of several, one of which
  /// may be most of it.
  void set_preemption(Launch& launch) const {
    const std::int64_t tiles = tiles_[static_cast<std::size_t>(launch.seq)];
    launch.safety.preemption_points =
        measured(tiles, "tile boundaries that a run of this scan passed");
    const manifest::Amount& longest = launch.duration_us.p99;
    launch.safety.latency_us = longest;
    launch.safety.latency_us.how = "p99 of the region: no bound within";
    const auto steps_begin = static_cast<std::int64_t>(1 + impl_.plan.maps.size());
    if (launch.seq < steps_begin || tiles == 0) return;
    const std::int64_t at_once = std::min(tiles, manifest_.run.threads);
    launch.safety.latency_us =
        estimated(*longest.v * static_cast<double>(at_once) / static_cast<double>(tiles),
                  "p99 of the region * min(threads, tiles) / tiles, as if tiles were equal");
  }

  /// Earlier launches that write what this one reads, or touch what it writes.
  void set_dependencies(Launch& launch) const {
    for (const Launch& other : manifest_.launches) {
      if (other.seq == launch.seq) break;
      if (any_overlap(other.segments.writes, launch.segments.reads) ||
          any_overlap(other.segments.writes, launch.segments.writes) ||
          any_overlap(other.segments.reads, launch.segments.writes))
        launch.dependencies.push_back(other.seq);
    }
  }

  void set_class(Launch& launch) const {
    const auto& [flop, tensor_flop, bytes] = launch.work;
    if (!manifest_.device.balance.v) {
      launch.classed.metric.how = "the device's balance is not known";
      return;
    }
    if (!flop.v || !bytes.v || *bytes.v <= 0) return;
    const double balance = *manifest_.device.balance.v, intensity = *flop.v / *bytes.v;
    char text[160];
    std::snprintf(text, sizeof(text),
                  "compute where FLOP for each byte, here %.3g, are above the balance, here %.3g; "
                  "else memory",
                  intensity, balance);
    launch.classed.metric = derived<std::string>(intensity > balance ? "compute" : "memory", text);
  }

  void add_input() {
    Launch& launch = add("", "input", "", input_touches(impl_.plan));
    launch.shape.in_rows = launch.shape.out_rows = "N_in";
    launch.shape.in_channels = launch.shape.out_channels = impl_.plan.values[0].channels;
  }

  void add_map(std::size_t map) {
    const Plan& plan = impl_.plan;
    std::string layer;  // the first that needs it
    for (const PlanStep& step : plan.steps)
      if (layer.empty() && step.map == static_cast<int>(map)) layer = step.name;
    const ConvSpec& spec = plan.maps[map].spec;
    const int from = plan.maps[map].input, output = plan.map_output[map];
    const MapKind kind = map_kind(spec, plan.dims, impl_.execution);
    MapChoice choice{impl_.options.map_config, ConfigSource::built_in};
    if (impl_.options.config)
      choice =
          impl_.options.config->find(kind, impl_.set_rows[at(output)], impl_.options.map_config);
    Launch& launch = add(layer, "map", "", map_touches(plan, map));
    launch.config = config_of(choice);
    launch.shape = {kind.kernel,
                    rows_symbol(from < 0 ? 0 : plan.map_output[at(from)]),
                    rows_symbol(output),
                    pairs_symbol(map),
                    0,
                    0};
  }

  void add_step(std::size_t index) {
    const Plan& plan = impl_.plan;
    const PlanStep& step = plan.steps[index];
    const LayerStats& layer = stats_.layers[index];
    const bool multiplies = !impl_.kinds[index].kernel.empty();
    Launch& launch =
        add(step.name, step.op, dataflow_of(step, layer.config), step_touches(impl_, index));
    if (multiplies) launch.config = config_of(layer.config, layer.config_source);
    const std::string out_rows = rows_symbol(plan.values[at(step.output)].set);
    launch.shape = {layer.kernel,
                    rows_symbol(plan.values[at(step.inputs[0])].set),
                    out_rows,
                    step.map >= 0                  ? pairs_symbol(at(step.map))
                    : step.kind == StepKind::dense ? out_rows
                                                   : "0",
                    layer.in_channels,
                    layer.out_channels};
    launch.work.flop =
        derived(multiplies ? 2.0 * static_cast<double>(layer.pairs) *
                                 static_cast<double>(layer.in_channels) *
                                 static_cast<double>(layer.out_channels) / step.spec.groups
                           : 0.0,
                "2 * pairs * Cin * Cout / groups; those of an epilogue left out");
    launch.work.dram_bytes =
        derived(static_cast<double>(layer.bytes), "inputs, weights, outputs and map, each once");
    set_class(launch);
  }

  void add_return() {
    const PlanValue& output = impl_.plan.values[at(impl_.plan.output)];
    Launch& launch = add("", "return", "", return_touches(impl_.plan));
    launch.shape.in_rows = launch.shape.out_rows = rows_symbol(output.set);
    launch.shape.in_channels = launch.shape.out_channels = output.channels;
  }

  const Impl& impl_;
  const RunStats& stats_;
  const std::vector<std::int64_t>& tiles_;
  Manifest& manifest_;
  std::vector<manifest::Duration> durations_;
  std::map<std::string, const Buffer*> buffers_;
};

}  // namespace

void describe_run(const Impl& impl, const std::vector<RunStats>& rounds,
                  const std::vector<std::int64_t>& tiles, Manifest& manifest) {
  Describer(impl, rounds, tiles, manifest).describe();
}

}  // namespace gavotte::internal
