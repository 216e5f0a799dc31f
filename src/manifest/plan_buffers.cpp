#include "manifest/plan_buffers.h"

#include <algorithm>

#include "manifest/formula.h"
#include "manifest/metric.h"
#include "network/graph.h"

namespace gavotte::internal {
namespace {

using Impl = ExecutorAccess::Impl;
using manifest::Buffer;

std::string times(const std::string& symbol, std::int64_t factor) {
  return symbol + "*" + std::to_string(factor);
}

class BufferList {
 public:
  BufferList(const Impl& impl, const Symbols& symbols) : impl_(impl), symbols_(symbols) {}

  /// A block of memory of its own.
  Buffer& add(const std::string& name, const char* role, const std::string& size) {
    Buffer& buffer = buffers_.emplace_back();
    buffer.name = buffer.memory = name;
    buffer.role = role;
    buffer.size = size;
    const std::int64_t bytes = evaluate_count(size, symbols_, "buffer " + name);
    buffer.bytes = derived(bytes, "its size with this run's symbols");
    buffer.capacity_bytes = derived(bytes, "memory is taken as a scan needs it");
    buffer.offset_bytes = derived(std::int64_t{0}, "a block of its own");
    return buffer;
  }
  /// A part of the arena.
  void place(Buffer& buffer, std::size_t index) const {
    buffer.memory = "arena";
    buffer.offset_bytes = derived(impl_.buffers[index].offset, "the plan's placement by liveness");
    buffer.capacity_bytes = derived(impl_.buffers[index].bytes, "placed for this scan");
  }
  std::vector<Buffer> take() && { return std::move(buffers_); }

 private:
  const Impl& impl_;
  const Symbols& symbols_;
  std::vector<Buffer> buffers_;
};

}  // namespace

std::string rows_symbol(int set) {
  return set == kBatchRows ? "B" : set == 0 ? "N_in" : "N_" + std::to_string(set);
}
std::string pairs_symbol(std::size_t map) { return "pairs_" + std::to_string(map); }
std::string coordinates_name(int set) { return "coordinates_" + std::to_string(set); }
std::string map_name(std::size_t map) { return "map_" + std::to_string(map); }
std::string layer_of_map(const Plan& plan, std::size_t map) {
  for (const PlanStep& step : plan.steps)
    if (step.map == static_cast<int>(map)) return step.name;
  return {};
}
std::string value_name(int value) { return "v" + std::to_string(value); }
std::string value_bytes_name(int value) { return value_name(value) + "_bytes"; }
std::string weights_name(std::size_t step) { return "weights_" + std::to_string(step); }

Symbols run_symbols(const Impl& impl, const RunStats& stats) {
  const Plan& plan = impl.plan;
  const auto size = [bounds = impl.enqueued.any](std::int64_t count) {
    return bounds ? derived(count, "what memory is taken for, the most of any scan")
                  : measured(count, "counted in this run");
  };
  Symbols symbols;
  for (std::size_t set = 0; set < impl.set_rows.size(); ++set)
    symbols[rows_symbol(static_cast<int>(set))] = size(impl.set_rows[set]);
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (const int map = plan.steps[i].map; map >= 0)
      symbols[pairs_symbol(at(map))] = size(stats.layers[i].pairs);
  for (std::size_t v = 0; v < plan.values.size(); ++v)
    if (plan.values[v].set == kBatchRows) symbols["B"] = size(impl.views[v].rows());
  symbols["N_out"] = size(impl.views[at(plan.output)].rows());
  return symbols;
}

std::vector<Buffer> plan_buffers(const Impl& impl, const Symbols& symbols) {
  const Plan& plan = impl.plan;
  BufferList list(impl, symbols);
  const std::int64_t element = size_bytes(impl.options.dtype);
  const std::int64_t lattice = (plan.dims + 1) * 4;
  const bool on_gpu = impl.options.device.kind == DeviceKind::cuda;
  list.add(kGivenCoordinates, "input", times("N_in", lattice));
  list.add(kGivenFeatures, "input", times("N_in", plan.values[0].channels * 4));
  for (int set = 0; set < plan.sets; ++set) {
    Buffer& buffer =
        list.add(coordinates_name(set), "coordinates", times(rows_symbol(set), lattice));
    if (on_gpu && set == 0) buffer.memory = kGivenCoordinates;
  }
  for (std::size_t map = 0; map < plan.maps.size(); ++map) {
    const std::int64_t offsets = plan.maps[map].spec.kernel_volume(plan.dims);
    const std::string table = times(rows_symbol(plan.map_output[map]), offsets * 4);
    std::string size = times(pairs_symbol(map), 8) + "+" + std::to_string((offsets + 1) * 8);
    if (on_gpu) size += "+" + table;
    list.add(map_name(map), "map", impl.enqueued.any ? table : size);  // it makes no lists
  }
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (const std::int64_t bytes = weight_bytes(impl.weights[i]); bytes > 0)
      list.add(weights_name(i), "weights", std::to_string(bytes));
  for (std::size_t v = 0; v < plan.values.size(); ++v) {
    const PlanValue& value = plan.values[v];
    const auto index = static_cast<int>(v);
    const char* role = index == plan.output ? "output" : "features";
    const std::string rows = rows_symbol(value.set);
    if (value.floats || v == 0) {
      Buffer& buffer = list.add(value_name(index), role, times(rows, value.channels * element));
      if (v > 0) list.place(buffer, v);
      if (on_gpu && v == 0 && impl.options.dtype == DType::float32) buffer.memory = kGivenFeatures;
    }
    if (value.bytes)
      list.place(list.add(value_bytes_name(index), role, times(rows, value.channels)),
                 plan.values.size() + v);
  }
  const PlanValue& output = plan.values[at(plan.output)];
  if (output.set != kBatchRows && !on_gpu)  // a GPU's rows stay in the caller's order
    list.place(
        list.add(kReturned, "output", times(rows_symbol(output.set), output.channels * element)),
        impl.buffers.size() - 1);
  return std::move(list).take();
}

Touched input_touches(const Plan& plan) {
  Touched touched = {{kGivenCoordinates, kGivenFeatures}, {coordinates_name(0), value_name(0)}};
  if (plan.values[0].bytes) touched.writes.push_back(value_bytes_name(0));
  return touched;
}

Touched map_touches(const Plan& plan, std::size_t map) {
  const int from = plan.maps[map].input;
  const int output = plan.map_output[map];
  const int input = from < 0 ? 0 : plan.map_output[at(from)];
  Touched touched = {{coordinates_name(input)}, {map_name(map)}};
  bool is_first = output != 0;
  for (std::size_t i = 0; i < map; ++i) is_first = is_first && plan.map_output[i] != output;
  if (is_first) {
    touched.writes.push_back(coordinates_name(output));
  } else if (output != input) {
    touched.reads.push_back(coordinates_name(output));
  }
  return touched;
}

Touched step_touches(const Impl& impl, std::size_t index) {
  const Plan& plan = impl.plan;
  const PlanStep& step = plan.steps[index];
  Touched touched;
  const auto read = [&touched](const std::string& name) {
    if (std::find(touched.reads.begin(), touched.reads.end(), name) == touched.reads.end())
      touched.reads.push_back(name);
  };
  for (const int input : step.inputs)
    read(step.reads_bytes ? value_bytes_name(input) : value_name(input));
  if (step.residual >= 0) read(value_name(step.residual));
  if (weight_bytes(impl.weights[index]) > 0) read(weights_name(index));
  if (step.map >= 0) read(map_name(at(step.map)));
  if (step.kind == StepKind::global_pool)
    read(coordinates_name(plan.values[at(step.inputs[0])].set));
  const PlanValue& output = plan.values[at(step.output)];
  if (output.floats) touched.writes.push_back(value_name(step.output));
  if (output.bytes) touched.writes.push_back(value_bytes_name(step.output));
  return touched;
}

Touched return_touches(const Plan& plan) {
  Touched touched = {{value_name(plan.output)}, {}};
  if (plan.values[at(plan.output)].set != kBatchRows) touched.writes.push_back(kReturned);
  return touched;
}

}  // namespace gavotte::internal
