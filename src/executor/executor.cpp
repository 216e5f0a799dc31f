// Runs a plan: coordinates and maps first, then buffers placed for the scan's row counts, then step after step.
#include "executor/executor_impl.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>

#include "backend.h"
#include "check.h"
#include "cpu/kept_memory.h"
#include "executor/layer_kind.h"
#include "executor/stats.h"
#include "network/graph.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte {

using internal::at;
using internal::PlanStep;
using internal::StepKind;

namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// A map that pairs row i with row i, without lists: the dense dataflow reads only the counts.
KernelMap identity_map(std::int64_t rows) {
  auto data = std::make_shared<internal::MapData>();
  data->offsets = 1;
  data->in_rows = data->out_rows = data->pairs = rows;
  data->identity_offset = 0;
  const std::array<std::int64_t, 2> begin = {0, rows};
  data->sorted_by_out = data->sorted_by_in = true;
  data->lists = {Tensor::from<std::int64_t>(begin, Shape{2}), Tensor(DType::int32, Shape{0}),
                 Tensor(DType::int32, Shape{0})};
  return KernelMap(std::shared_ptr<const internal::MapData>(std::move(data)));
}

}  // namespace

Executor::Impl::Impl(const Network& network, ExecutorOptions given)
    : plan(internal::make_plan(network)),
      options(std::move(given)),
      execution{.device = options.device, .stream = options.stream, .threads = options.threads},
      arena(execution),
      fixed_arena(execution) {
  GAVOTTE_CHECK_TYPE(is_floating_point(options.dtype),
                     "an executor runs in a floating-point dtype, got " +
                         std::string(gavotte::name(options.dtype)));
  constexpr std::int64_t kMostRows = std::numeric_limits<std::int32_t>::max();
  GAVOTTE_CHECK(options.max_voxels >= 0 && options.max_voxels <= kMostRows,
                "max_voxels expects 0 (no limit) to " + std::to_string(kMostRows) + ", got " +
                    std::to_string(options.max_voxels));
  check_int8();
  options.map_config.validate();
  internal::check_config(options.conv_config, options.device);
  if (options.config) options.config->check_device(options.device, options.other_device);
  check_threads(execution);
  check_multiprocessors(options.multiprocessors);
  internal::choose_storage(plan, static_cast<bool>(options.observe));
  backend = &internal::backend(options.device);
  weights = internal::make_weights(plan, network, options.dtype, execution);
  for (const PlanStep& step : plan.steps)
    kinds.push_back(internal::layer_kind(plan, step, options.dtype, execution));
  internal::pack_weights(plan, kinds, options, execution, weights);
  for (const internal::StepWeights& step : weights) {
    weight_bytes += internal::weight_bytes(step);
    needed_weight_bytes += internal::needed_bytes(step);
  }
  for (const PlanStep& step : plan.steps) layer_stats.push_back(internal::static_stats(plan, step));
  buffers.resize(2 * plan.values.size() + 1);
  views.resize(plan.values.size() + 1);
  byte_views.resize(plan.values.size());
  set_coordinates.resize(at(plan.sets));
  set_rows.assign(at(plan.sets), options.max_voxels);
  // Where bounds are given, enqueue() is what the memory is for, and takes its own.
  if (options.max_voxels > 0 && !options.bounds) arena.reserve(place(1, true));
}

/// What an int8 network cannot be run with.
void Executor::Impl::check_int8() const {
  if (std::none_of(plan.steps.begin(), plan.steps.end(),
                   [](const PlanStep& step) { return step.quantization.has_value(); }))
    return;
  GAVOTTE_CHECK(options.device.kind == DeviceKind::cpu,
                "an int8 network runs on the CPU; got the device " + options.device.to_string());
  GAVOTTE_CHECK_TYPE(
      options.dtype != DType::float64,
      "an int8 network runs with float32, bfloat16 or float16 features; got float64");
  const Dataflow dataflow = options.conv_config.dataflow;
  GAVOTTE_CHECK(
      dataflow == Dataflow::automatic || dataflow == Dataflow::tile_indirect,
      "int8 layers run as tile_indirect; got the dataflow " + std::string(gavotte::name(dataflow)));
}

/// 0 is what every device takes.
void Executor::Impl::check_multiprocessors(int multiprocessors) const {
  if (multiprocessors == 0) return;
  GAVOTTE_CHECK(options.device.kind != DeviceKind::cpu,
                "a number of multiprocessors is for runs on a GPU, got " +
                    std::to_string(multiprocessors) + " and an Executor on " +
                    options.device.to_string());
  const int units = DeviceIdentity::of(options.device).units;
  GAVOTTE_CHECK(multiprocessors > 0 && multiprocessors <= units,
                "multiprocessors expects 0 (all) to " + std::to_string(units) + ", those of " +
                    options.device.to_string() + "; got " + std::to_string(multiprocessors));
}

std::int64_t Executor::Impl::value_rows(int value, std::int64_t batch) const {
  const int set = plan.values[at(value)].set;
  return set == internal::kBatchRows ? batch : set_rows[at(set)];
}

/// The coordinate sets of the scan at hand.
void Executor::Impl::take_sets(const Coordinates& input, const std::vector<MapResult>& maps) {
  set_coordinates[0] = input;
  set_rows[0] = input.rows();
  for (std::size_t i = 0; i < maps.size(); ++i) {
    set_coordinates[at(plan.map_output[i])] = maps[i].output;
    set_rows[at(plan.map_output[i])] = maps[i].output.rows();
  }
}

/// Places every buffer for the row counts at hand, that of the output in the caller's order where it
/// is `returned`; returns the bytes that the arena must have. The input lies outside.
std::int64_t Executor::Impl::place(std::int64_t batch, bool returned) {
  const auto bytes_of = [&](int v) {
    return value_rows(v, batch) * plan.values[at(v)].channels * size_bytes(options.dtype);
  };
  for (std::size_t v = 0; v < plan.values.size(); ++v) {
    const internal::PlanValue& value = plan.values[v];
    const auto index = static_cast<int>(v);
    buffers[v] = {v > 0 && value.floats ? bytes_of(index) : 0, value.first_step, value.last_step,
                  0};
    buffers[plan.values.size() + v] = {value.bytes ? value_rows(index, batch) * value.channels : 0,
                                       value.first_step, value.bytes_last_step, 0};
  }
  const auto end = static_cast<int>(plan.steps.size());
  buffers.back() = {returned ? bytes_of(plan.output) : 0, end, end, 0};
  return internal::place_buffers(buffers, order);
}

void Executor::Impl::set_views(internal::Arena& from, std::int64_t batch) {
  const std::size_t values = plan.values.size();
  const auto view_of = [&](std::size_t buffer, int value, DType dtype, bool kept) {
    TensorView view = from.view(buffers[buffer].offset, dtype,
                                Shape{value_rows(value, batch), plan.values[at(value)].channels});
    if (!kept) view.data = nullptr;
    return view;
  };
  for (std::size_t v = 0; v < values; ++v) {
    const auto value = static_cast<int>(v);
    views[v] = view_of(v, value, options.dtype, plan.values[v].floats);
    byte_views[v] = view_of(values + v, value, DType::uint8, plan.values[v].bytes.has_value());
  }
  views.back() = view_of(buffers.size() - 1, plan.output, options.dtype, true);
}

ConstTensorView Executor::Impl::read(int value, const ConstTensorView& input_view) const {
  return value == 0 ? input_view : static_cast<ConstTensorView>(views[at(value)]);
}

/// Sets that a rule picked at run time may turn out different from what add and concatenate need.
void Executor::Impl::check_one_set(const PlanStep& step, int a, int b) const {
  const int set_a = plan.values[at(a)].set;
  const int set_b = plan.values[at(b)].set;
  if (set_a == set_b || set_a == internal::kBatchRows || set_b == internal::kBatchRows) return;
  GAVOTTE_CHECK(
      set_coordinates[at(set_a)].same_as(set_coordinates[at(set_b)]),
      "layer '" + step.name + "': its inputs lie on different coordinate sets in this scan");
}

void Executor::Impl::launch_int8(const PlanStep& step, const internal::ConvPlan& conv,
                                 ConstTensorView x, const Epilogue& epilogue) {
  const std::optional<internal::ByteScale>& kept = plan.values[at(step.output)].bytes;
  internal::ByteInput input{x, step.quantization->scales,
                            internal::input_scale(*step.quantization)};
  if (step.reads_bytes) input.x = byte_views[at(step.inputs[0])];
  backend->convolution_bytes(
      call, conv, input, epilogue,
      {views[at(step.output)], byte_views[at(step.output)], kept.value_or(internal::ByteScale{})});
}

/// The bytes of a value that was written as floats, where it is kept as bytes too.
void Executor::Impl::write_bytes(int value, ConstTensorView floats) {
  if (const auto& scale = plan.values[at(value)].bytes)
    backend->quantize(call, floats, *scale, 0, byte_views[at(value)]);
}

/// How a convolution or dense step runs on a map, or on as many rows.
LayerChoice Executor::Impl::choose(std::size_t index, const KernelMap& map,
                                   std::int64_t rows) const {
  if (!options.config || kinds[index].kernel.empty())
    return {options.conv_config, ConfigSource::built_in};
  return options.config->find(kinds[index], map ? map.out_rows() : rows, map ? map.pairs() : rows,
                              options.conv_config);
}

internal::ConvPlan Executor::Impl::launch_step(std::size_t index, const ConvConfig& config,
                                               const KernelMap& map, ConstTensorView input_view) {
  const PlanStep& step = plan.steps[index];
  const internal::StepWeights& own = weights[index];
  const ConstTensorView x = read(step.inputs[0], input_view);
  const TensorView y = views[at(step.output)];
  Epilogue epilogue;
  epilogue.scale = own.scale.view();
  epilogue.shift = own.shift.view();
  epilogue.activation = step.activation;
  epilogue.negative_slope = static_cast<float>(step.negative_slope);
  if (step.residual >= 0) {
    check_one_set(step, step.output, step.residual);
    epilogue.residual = read(step.residual, input_view);
  }
  internal::ConvPlan conv;
  conv.in_channels = layer_stats[index].in_channels;
  conv.out_channels = layer_stats[index].out_channels;
  conv.groups = step.spec.groups;
  conv.config = config;
  conv.packed = own.packed.get();

  switch (step.kind) {
    case StepKind::dense:
      conv.map = identity_map(x.rows());
      if (step.quantization) {
        launch_int8(step, conv, x, epilogue);
        return conv;
      }
      conv.config.dataflow = Dataflow::dense_gemm;
      backend->convolution_forward(call, conv, x, own.matrix, epilogue, y);
      break;
    case StepKind::convolution:
      if (conv.config.dataflow == Dataflow::dense_gemm && !map.is_identity())
        conv.config.dataflow = Dataflow::automatic;
      conv.map = map;
      if (step.quantization) {
        launch_int8(step, conv, x, epilogue);
        return conv;
      }
      backend->convolution_forward(call, conv, x, own.matrix, epilogue, y);
      break;
    case StepKind::elementwise:
      backend->epilogue(call, x, epilogue, y);
      break;
    case StepKind::concatenate: {
      const internal::PlanValue& value = plan.values[at(step.output)];
      std::vector<ConstTensorView> views;
      std::int64_t column = 0;
      for (int input : step.inputs) {
        check_one_set(step, step.output, input);
        views.push_back(read(input, input_view));
        if (value.bytes)
          backend->quantize(call, views.back(), *value.bytes, column, byte_views[at(step.output)]);
        column += plan.values[at(input)].channels;
      }
      if (value.floats) backend->concatenate(call, views, y);
      return conv;
    }
    case StepKind::pool:
      backend->pool_forward(call, map, step.mode, x, y);
      break;
    case StepKind::global_pool: {
      const Coordinates& set = set_coordinates[at(plan.values[at(step.inputs[0])].set)];
      backend->global_pool_forward(call, *set.data(), step.mode, x, y);
      break;
    }
  }
  write_bytes(step.output, y);
  return conv;
}

void Executor::Impl::run_step(std::size_t index, const KernelMap& map, ConstTensorView input_view,
                              LayerStats& stats) {
  const PlanStep& step = plan.steps[index];
  const auto start = Clock::now();
  const LayerChoice choice = choose(index, map, read(step.inputs[0], input_view).rows());
  const internal::ConvPlan conv = launch_step(index, choice.config, map, input_view);
  stats.compute_ms = ms_since(start);
  stats.config = choice.config;
  stats.config_source = choice.source;
  if (options.measure_padding && step.kind == StepKind::convolution) {
    const auto measured = Clock::now();
    stats.padding = backend->padding_ratio(conv);
    padding_ms += ms_since(measured);
  }
  internal::count_work(stats, step, weights[index], map, read(step.inputs[0], input_view).rows(),
                       views[at(step.output)].rows(),
                       internal::element_bytes(plan, step, options.dtype));
}

/// The features' memory, which nobody reads from here to the first step.
std::span<std::byte> Executor::Impl::begin_run() {
  if (options.device.kind != DeviceKind::cpu) return {};
  if (outgrown) internal::cpu::release_kept_memory();
  outgrown = false;
  return arena.memory();
}

/// Where the arena is outgrown, kept blocks are of sizes that runs to come do not ask for: loading the network has left
/// them, packing its weights, smaller scans, or this one while it had nothing to borrow.
void Executor::Impl::reserve_arena(std::int64_t bytes) {
  if (options.device.kind == DeviceKind::cpu && bytes > arena.capacity()) {
    arena.release();
    internal::cpu::release_kept_memory();
    outgrown = true;
  }
  arena.reserve(bytes);
}

/// As RunStats says, of the buffers that were placed last.
std::int64_t Executor::Impl::needed_bytes(const internal::ScanData& scan) const {
  std::int64_t features = 0;
  for (const internal::ArenaBuffer& buffer : buffers) features = std::max(features, buffer.breadth);
  return needed_weight_bytes + scan.given_feature_bytes + features +
         internal::needed_bytes(set_coordinates) + internal::needed_bytes(scan.maps);
}

Executor::Executor(const Network& network, ExecutorOptions options)
    : impl_(std::make_unique<Impl>(network, std::move(options))) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;
Executor::~Executor() = default;

void Executor::enqueue(ConstTensorView coordinates, ConstTensorView features,
                       ConstTensorView count) {
  impl_->enqueue(coordinates, features, count);
}

Result Executor::collect() { return impl_->collect(); }

std::int64_t Executor::workspace_bytes() const noexcept { return impl_->pool.bytes(); }

std::string Executor::plan() const { return internal::to_string(impl_->plan); }

}  // namespace gavotte
