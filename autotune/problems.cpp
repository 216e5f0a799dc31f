#include "problems.h"

#include <algorithm>
#include <string>
#include <utility>

#include "backend.h"
#include "check.h"
#include "config/kinds.h"
#include "executor/layer_kind.h"
#include "executor/plan.h"
#include "executor/row_order.h"
#include "gavotte/coordinate_manager.h"
#include "layer_shape.h"
#include "network/graph.h"
#include "tensor_checks.h"

namespace gavotte::internal {
namespace {

/// The maps of all steps that have weights, that of a 1x1x1 convolution included, which an Executor does without.
struct PlannedMaps {
  std::vector<CoordinateManager::PlannedLayer> layers;
  std::vector<int> of_step;  ///< -1: none.
};

PlannedMaps plan_maps(const Plan& plan) {
  PlannedMaps maps{plan.maps, {}};
  std::vector<int> source(at(plan.sets), -1);  // the first map that makes a set
  for (std::size_t i = plan.map_output.size(); i-- > 0;)
    if (plan.map_output[i] > 0) source[at(plan.map_output[i])] = static_cast<int>(i);
  std::vector<int> pointwise(at(plan.sets), -1);
  for (const PlanStep& step : plan.steps) {
    int& map = maps.of_step.emplace_back(step.kind == StepKind::convolution ? step.map : -1);
    if (step.kind != StepKind::dense) continue;
    const int set = plan.values[at(step.inputs[0])].set;
    if (set == kBatchRows) continue;  // a row for each scan: nothing to tune
    if (pointwise[at(set)] < 0) {
      pointwise[at(set)] = static_cast<int>(maps.layers.size());
      maps.layers.push_back({source[at(set)], ConvSpec::submanifold(1)});
    }
    map = pointwise[at(set)];
  }
  return maps;
}

void check_scan(const Plan& plan, const Voxels& scan) {
  GAVOTTE_CHECK(scan.size() > 0, "tuning expects a scan with voxels, got an empty one");
  const Shape& coordinates = scan.coordinates.shape();
  GAVOTTE_CHECK(coordinates.rank() == 2 && coordinates[1] == plan.dims + 1,
                "expected coordinates [N, " + std::to_string(plan.dims + 1) + "], got " +
                    coordinates.to_string());
  const Shape& features = scan.features.shape();
  GAVOTTE_CHECK(features.rank() == 2 && features[0] == coordinates[0] &&
                    features[1] == plan.values[0].channels,
                "expected features [" + std::to_string(coordinates[0]) + ", " +
                    std::to_string(plan.values[0].channels) + "], got " + features.to_string());
}

bool builds_alone(const ConvSpec& spec) {
  return spec.kind == ConvKind::submanifold || spec.kind == ConvKind::strided;
}

}  // namespace

void Problems::add(const Network& network, const Voxels& scan, DType dtype,
                   std::span<const Direction> directions) {
  GAVOTTE_CHECK_TYPE(
      is_floating_point(dtype),
      "a network is tuned in a floating-point dtype, got " + std::string(name(dtype)));
  const Plan plan = make_plan(network);
  check_scan(plan, scan);
  Backend& device = backend(execution_.device);
  const bool on_cpu = device.kind() == DeviceKind::cpu;
  const bool int8 = std::any_of(plan.steps.begin(), plan.steps.end(),
                                [](const PlanStep& step) { return step.quantization.has_value(); });
  GAVOTTE_CHECK(!int8 || on_cpu,
                "an int8 network runs on the CPU; got the device " + execution_.device.to_string());
  GAVOTTE_CHECK_TYPE(
      !int8 || dtype != DType::float64,
      "an int8 network runs with float32, bfloat16 or float16 features; got float64");

  const Tensor lattice = scan.coordinates.device() == execution_.device
                             ? scan.coordinates
                             : scan.coordinates.to(execution_.device);
  const Coordinates input = in_key_order(
      device, execution_, Coordinates(lattice.view(), 1, StrideStyle::divided, execution_));
  const PlannedMaps planned = plan_maps(plan);
  const std::vector<MapResult> maps = CoordinateManager(execution_).plan(input, planned.layers);

  Problems wanted(execution_);
  constexpr Direction kForward = Direction::forward;
  if (directions.empty()) directions = {&kForward, 1};
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    if (planned.of_step[i] < 0) continue;
    const MapResult& result = maps[at(planned.of_step[i])];
    for (const Direction direction : directions) {
      if (step.quantization && direction != Direction::forward) continue;
      LayerKind kind = layer_kind(plan, step, dtype, execution_);
      kind.direction = direction;
      wanted.put(LayerProblem{step.name, std::move(kind), result.map});
    }
  }
  for (std::size_t i = 0; i < plan.maps.size(); ++i)
    if (builds_alone(plan.maps[i].spec) && !maps[i].map.is_identity())
      wanted.put(MapItem{
          {map_kind(plan.maps[i].spec, plan.dims, execution_), maps[i].input, plan.maps[i].spec},
          maps[i].output.rows()});
  for (const LayerItem& item : wanted.layers_)
    for (int layer = 0; layer < item.layers; ++layer) put(item.problem);
  for (MapItem& map : wanted.maps_) put(std::move(map));
}

void Problems::check(const LayerProblem& problem) const {
  const LayerKind& kind = problem.kind;
  check_map(problem.map);
  GAVOTTE_CHECK(problem.map.pair_begin().device == execution_.device,
                "the kernel map must be on " + execution_.device.to_string() +
                    ", where the layer is tuned; it is on " +
                    problem.map.pair_begin().device.to_string());
  GAVOTTE_CHECK(offsets_of(kind.kernel) == problem.map.offsets(),
                "a layer to tune expects the name of a kernel of its map's " +
                    std::to_string(problem.map.offsets()) + " offsets, got '" + kind.kernel + "'");
  GAVOTTE_CHECK(kind.in_channels >= 1 && kind.out_channels >= 1 && kind.groups >= 1 &&
                    kind.in_channels % kind.groups == 0 && kind.out_channels % kind.groups == 0,
                "a layer to tune expects channels of at least 1 that its groups divide, got " +
                    kind.to_string());
  GAVOTTE_CHECK_TYPE(
      is_floating_point(kind.dtype) || kind.dtype == DType::int8,
      "a layer to tune is of a floating-point dtype or int8, got " + std::string(name(kind.dtype)));
  GAVOTTE_CHECK(kind.dtype != DType::int8 || (kind.direction == Direction::forward &&
                                              execution_.device.kind == DeviceKind::cpu),
                "an int8 layer has a forward pass on the CPU alone, got " + kind.to_string() +
                    " on " + execution_.device.to_string());
  GAVOTTE_CHECK(kind.threads == kind_threads(execution_),
                "a layer to tune expects the Tuner's budget of " +
                    std::to_string(kind_threads(execution_)) + " threads, got " +
                    std::to_string(kind.threads));
}

void Problems::add(LayerProblem problem) {
  check(problem);
  put(std::move(problem));
}

void Problems::put(LayerProblem problem) {
  const int bucket = size_bucket(problem.map.out_rows());
  for (LayerItem& item : layers_)
    if (item.problem.kind == problem.kind && size_bucket(item.problem.map.out_rows()) == bucket) {
      ++item.layers;
      return;
    }
  layers_.push_back({std::move(problem), 1});
}

void Problems::add(MapProblem problem) {
  GAVOTTE_CHECK(static_cast<bool>(problem.input),
                "a map to tune expects a coordinate set, got none");
  GAVOTTE_CHECK(problem.input.device() == execution_.device,
                "the coordinates must be on " + execution_.device.to_string() +
                    ", where the map is tuned; they are on " + problem.input.device().to_string());
  GAVOTTE_CHECK(problem.kind.threads == kind_threads(execution_),
                "a map to tune expects the Tuner's budget of " +
                    std::to_string(kind_threads(execution_)) + " threads, got " +
                    std::to_string(problem.kind.threads));
  GAVOTTE_CHECK(
      builds_alone(problem.spec),
      "a map to tune is that of a submanifold or strided layer; the others read these the "
      "other way; got " +
          problem.spec.to_string());
  const std::string kernel = kernel_name(problem.spec, problem.input.dims());
  GAVOTTE_CHECK(problem.kind.kernel == kernel, "a map to tune expects the name of its kernel, '" +
                                                   kernel + "', got '" + problem.kind.kernel + "'");
  const std::int64_t rows =
      CoordinateManager(execution_).output_coordinates(problem.input, problem.spec).rows();
  put(MapItem{std::move(problem), rows});
}

// The first of its kind and size stays.
void Problems::put(MapItem item) {
  const auto same = [&](const MapItem& other) {
    return other.problem.kind == item.problem.kind &&
           size_bucket(other.rows) == size_bucket(item.rows);
  };
  if (std::none_of(maps_.begin(), maps_.end(), same)) maps_.push_back(std::move(item));
}

}  // namespace gavotte::internal
