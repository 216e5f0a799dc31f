#include "manifest/regions.h"

#include <cstdio>

#include "config/kinds.h"
#include "manifest/metric.h"
#include "manifest/plan_buffers.h"

namespace gavotte::internal {
namespace {

using Impl = ExecutorAccess::Impl;

constexpr std::size_t kMostKeyPart = 100;

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

/// What runs under a config. A GPU's kernels have names of their own.
std::string dataflow_of(const PlanStep& step, const ConvConfig& config, const Device& device) {
  if (step.kind != StepKind::dense && step.kind != StepKind::convolution) return "";
  if (device.kind == DeviceKind::cuda) return "";
  if (step.quantization) return "tile_indirect_int8";
  if (step.kind == StepKind::dense) return "dense_gemm";
  const bool given = config.dataflow == Dataflow::gather_gemm_scatter;
  return std::string(name(given ? config.dataflow : Dataflow::tile_indirect));
}

class RegionList {
 public:
  RegionList(const Impl& impl, const RunStats& stats, const Overlaps& buffers)
      : impl_(impl), stats_(stats), buffers_(buffers) {}

  std::vector<Region> take() && {
    add_input();
    for (std::size_t i = 0; i < impl_.plan.maps.size(); ++i) add_map(i);
    for (std::size_t i = 0; i < impl_.plan.steps.size(); ++i) add_step(i);
    add_return();
    return std::move(regions_);
  }

 private:
  manifest::Launch& add(const std::string& layer, const std::string& op, const Touched& touched) {
    manifest::Launch& launch = regions_.emplace_back().launch;
    launch.layer = layer;
    launch.op = op;
    for (const std::string& name : touched.reads)
      launch.segments.reads.push_back(buffers_.whole(name));
    for (const std::string& name : touched.writes)
      launch.segments.writes.push_back(buffers_.whole(name));
    leave_out_all("not counted for this operation", launch.work.flop, launch.work.dram_bytes);
    return launch;
  }

  void add_input() {
    manifest::Launch& launch = add("", "input", input_touches(impl_.plan));
    launch.shape.in_rows = launch.shape.out_rows = "N_in";
    launch.shape.in_channels = launch.shape.out_channels = impl_.plan.values[0].channels;
  }

  void add_map(std::size_t map) {
    const Plan& plan = impl_.plan;
    const ConvSpec& spec = plan.maps[map].spec;
    const int from = plan.maps[map].input, output = plan.map_output[map];
    const MapKind kind = map_kind(spec, plan.dims, impl_.execution);
    MapChoice choice{impl_.options.map_config, ConfigSource::built_in};
    if (impl_.options.config)
      choice =
          impl_.options.config->find(kind, impl_.set_rows[at(output)], impl_.options.map_config);
    manifest::Launch& launch = add(layer_of_map(plan, map), "map", map_touches(plan, map));
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
    manifest::Launch& launch = add(step.name, step.op, step_touches(impl_, index));
    regions_.back().dataflow = dataflow_of(step, layer.config, impl_.options.device);
    regions_.back().multiplies = multiplies;
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
  }

  void add_return() {
    if (impl_.options.device.kind == DeviceKind::cuda) return;  // nothing is left to do
    const PlanValue& output = impl_.plan.values[at(impl_.plan.output)];
    manifest::Launch& launch = add("", "return", return_touches(impl_.plan));
    launch.shape.in_rows = launch.shape.out_rows = rows_symbol(output.set);
    launch.shape.in_channels = launch.shape.out_channels = output.channels;
  }

  const Impl& impl_;
  const RunStats& stats_;
  const Overlaps& buffers_;
  std::vector<Region> regions_;
};

}  // namespace

std::vector<Region> run_regions(const Impl& impl, const RunStats& stats, const Overlaps& buffers) {
  return RegionList(impl, stats, buffers).take();
}

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

void leave_out_prediction(manifest::Prediction& predict) {
  leave_out_all("no model was fitted", predict.duration_us, predict.error, predict.band.sizes,
                predict.band.voxels, predict.band.points);
}

void leave_out_predictions(manifest::Run& run) {
  leave_out_all("no model was fitted", run.predict.scans, run.predict.level);
  leave_out_prediction(run.predict.total);
}

void set_class(const manifest::DeviceFacts& device, manifest::Launch& launch) {
  const auto& [flop, tensor_flop, bytes] = launch.work;
  launch.classed.metric = {{}, manifest::Source::unavailable, "its work is not counted"};
  if (!flop.v || !bytes.v || *bytes.v <= 0) return;
  if (!device.balance.v) {
    launch.classed.metric.how = "the device's balance is not known";
    return;
  }
  const double balance = *device.balance.v, intensity = *flop.v / *bytes.v;
  char text[160];
  std::snprintf(text, sizeof(text),
                "compute where FLOP for each byte, here %.3g, are above the balance, here %.3g; "
                "else memory",
                intensity, balance);
  launch.classed.metric = derived<std::string>(intensity > balance ? "compute" : "memory", text);
}

}  // namespace gavotte::internal
