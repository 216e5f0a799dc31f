// Runs a plan: coordinates and maps first, then buffers placed for the scan's row counts, then step after step.
#include "executor/executor_impl.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "backend.h"
#include "check.h"
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
  GAVOTTE_CHECK(options.max_voxels >= 0,
                "max_voxels expects 0 or more, got " + std::to_string(options.max_voxels));
  options.map_config.validate();
  internal::check_config(options.conv_config, options.device);
  check_threads(execution);
  backend = &internal::backend(options.device);
  weights = internal::make_weights(plan, network, options.dtype, execution);
  internal::pack_weights(plan, options.conv_config, execution, weights);
  for (const internal::StepWeights& step : weights) weight_bytes += internal::weight_bytes(step);
  for (const PlanStep& step : plan.steps) layer_stats.push_back(internal::static_stats(plan, step));
  buffers.resize(plan.values.size() + 1);
  views.resize(buffers.size());
  set_coordinates.resize(at(plan.sets));
  set_rows.assign(at(plan.sets), options.max_voxels);
  // Where bounds are given, enqueue() is what the memory is for, and takes its own.
  if (options.max_voxels > 0 && !options.bounds) arena.reserve(place(1, true));
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
    buffers[v] = {v == 0 ? 0 : bytes_of(static_cast<int>(v)), value.first_step, value.last_step, 0};
  }
  const auto end = static_cast<int>(plan.steps.size());
  buffers.back() = {returned ? bytes_of(plan.output) : 0, end, end, 0};
  return internal::place_buffers(buffers, order);
}

void Executor::Impl::set_views(internal::Arena& from, std::int64_t batch) {
  const auto view_of = [&](std::size_t buffer, int value) {
    return from.view(buffers[buffer].offset, options.dtype,
                     Shape{value_rows(value, batch), plan.values[at(value)].channels});
  };
  for (std::size_t v = 0; v < plan.values.size(); ++v) views[v] = view_of(v, static_cast<int>(v));
  views.back() = view_of(buffers.size() - 1, plan.output);
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

internal::ConvPlan Executor::Impl::launch_step(std::size_t index, const KernelMap& map,
                                               ConstTensorView input_view) {
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
  conv.config = options.conv_config;
  conv.packed = own.packed.get();

  switch (step.kind) {
    case StepKind::dense:
      conv.config.dataflow = Dataflow::dense_gemm;
      conv.map = identity_map(x.rows());
      backend->convolution_forward(execution, conv, x, own.matrix, epilogue, y);
      break;
    case StepKind::convolution:
      if (conv.config.dataflow == Dataflow::dense_gemm && !map.is_identity())
        conv.config.dataflow = Dataflow::automatic;
      conv.map = map;
      backend->convolution_forward(execution, conv, x, own.matrix, epilogue, y);
      break;
    case StepKind::elementwise:
      backend->epilogue(execution, x, epilogue, y);
      break;
    case StepKind::concatenate: {
      std::int64_t column = 0;
      for (int input : step.inputs) {
        check_one_set(step, step.output, input);
        backend->scatter_rows(execution, read(input, input_view), {}, column, y);
        column += plan.values[at(input)].channels;
      }
      break;
    }
    case StepKind::pool:
      backend->pool_forward(execution, map, step.mode, x, y);
      break;
    case StepKind::global_pool: {
      const Coordinates& set = set_coordinates[at(plan.values[at(step.inputs[0])].set)];
      backend->global_pool_forward(execution, *set.data(), step.mode, x, y);
      break;
    }
  }
  return conv;
}

void Executor::Impl::run_step(std::size_t index, const KernelMap& map, ConstTensorView input_view,
                              LayerStats& stats) {
  const PlanStep& step = plan.steps[index];
  const auto start = Clock::now();
  const internal::ConvPlan conv = launch_step(index, map, input_view);
  stats.compute_ms = ms_since(start);
  if (options.measure_padding && step.kind == StepKind::convolution) {
    const auto measured = Clock::now();
    stats.padding = backend->padding_ratio(conv);
    padding_ms += ms_since(measured);
  }
  internal::count_work(stats, step, weights[index], map, read(step.inputs[0], input_view).rows(),
                       views[at(step.output)].rows(), options.dtype);
}

Result Executor::Impl::run(const internal::ScanData& scan) {
  const auto start = Clock::now();
  Result result;
  RunStats& stats = result.stats;
  padding_ms = 0;
  const std::vector<MapResult>& maps = scan.maps;
  take_sets(scan.input, maps);
  const int output_set = plan.values[at(plan.output)].set;
  const bool on_input =
      output_set != internal::kBatchRows && set_coordinates[at(output_set)].same_as(scan.input);
  const bool reorder = on_input && !scan.given.same_as(scan.input);
  arena.reserve(place(scan.batch, reorder));
  set_views(arena, scan.batch);

  stats.layers = layer_stats;
  std::vector<bool> map_counted(maps.size(), false);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const int map = plan.steps[i].map;
    if (map >= 0 && !map_counted[at(map)]) stats.layers[i].map_ms = maps[at(map)].build_ms;
    if (map >= 0) map_counted[at(map)] = true;
    run_step(i, map >= 0 ? maps[at(map)].map : KernelMap(), scan.features, stats.layers[i]);
    stats.compute_ms += stats.layers[i].compute_ms;
    if (options.progress)
      options.progress(static_cast<int>(i), static_cast<int>(plan.steps.size()));
  }

  result.features = views[at(plan.output)];
  if (output_set != internal::kBatchRows) result.coordinates = set_coordinates[at(output_set)];
  if (reorder) {
    backend->scatter_rows(execution, result.features, scan.given.order(), 0, views.back());
    result.features = views.back();
    result.coordinates = scan.given;
  }
  stats.voxels = scan.input.rows();
  stats.arena_bytes = arena.capacity();
  stats.peak_bytes = arena.capacity() + scan.bytes();
  stats.weight_bytes = weight_bytes;
  for (Coordinates& set : set_coordinates) set = {};  // only the result keeps its set
  stats.map_ms = scan.ms;
  stats.total_ms = scan.ms + ms_since(start) - padding_ms;
  return result;
}

Executor::Executor(const Network& network, ExecutorOptions options)
    : impl_(std::make_unique<Impl>(network, std::move(options))) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;
Executor::~Executor() = default;

Result Executor::run(const Voxels& voxels) {
  return impl_->run(impl_->prepare(voxels, impl_->execution));
}

Result Executor::run(ConstTensorView coordinates, ConstTensorView features) {
  return impl_->run(impl_->prepare(coordinates, features, 0, impl_->execution));
}

Result Executor::run(const PreparedScan& scan) {
  GAVOTTE_CHECK(scan.data_ != nullptr && scan.data_->plan == impl_->plan_name,
                scan.data_ == nullptr
                    ? "run() expects a scan that prepare() made, got an empty one"
                    : "run() expects a scan that this Executor prepared, got another's");
  return impl_->run(*scan.data_);
}

void Executor::enqueue(ConstTensorView coordinates, ConstTensorView features,
                       ConstTensorView count) {
  impl_->enqueue(coordinates, features, count);
}

Result Executor::collect() { return impl_->collect(); }

std::int64_t Executor::workspace_bytes() const noexcept { return impl_->pool.bytes(); }

std::string Executor::plan() const { return internal::to_string(impl_->plan); }

}  // namespace gavotte
