// Runs without waits: sets and maps keep their sizes on the device, features have room for the most
// rows that a scan may have.
#include <string>
#include <utility>

#include "check.h"
#include "executor/executor_impl.h"
#include "launch_scope.h"
#include "network/graph.h"
#include "tensor_checks.h"

namespace gavotte {

using internal::at;

namespace {

/// The caller's memory as a tensor that does not own it.
Tensor borrowed(const ConstTensorView& view) {
  const std::shared_ptr<void> memory(const_cast<void*>(view.data), [](void*) {});
  return Tensor(memory, view.dtype, view.shape, view.device);
}

internal::Box box_of(const CoordinateBounds& bounds, int dims) {
  internal::Box box;
  box.upper[0] = bounds.batch_size - 1;
  for (int axis = 0; axis < dims; ++axis) {
    box.lower[at(axis + 1)] = bounds.lower[axis];
    box.upper[at(axis + 1)] = bounds.upper[axis];
  }
  return box;
}

}  // namespace

void Executor::Impl::check_enqueue(const ConstTensorView& coordinates,
                                   const ConstTensorView& features,
                                   const ConstTensorView& count) const {
  GAVOTTE_CHECK(options.max_voxels > 0 && options.bounds,
                "enqueue() needs the options max_voxels and bounds: the most rows of a scan, and "
                "where they lie");
  const CoordinateBounds& bounds = *options.bounds;
  bool empty = bounds.batch_size < 1;
  for (int axis = 0; axis < plan.dims; ++axis)
    empty = empty || bounds.lower[axis] > bounds.upper[axis];
  GAVOTTE_CHECK(!empty,
                "bounds expect lower <= upper on each axis and a batch_size of at least 1; got " +
                    bounds.lower.to_string() + " to " + bounds.upper.to_string() + " and " +
                    std::to_string(bounds.batch_size));
  internal::check_dtype("coordinates", coordinates, DType::int32);
  internal::check_shape("coordinates", coordinates, {options.max_voxels, plan.dims + 1},
                        "[max_voxels, 1 + D]");
  internal::check_memory("coordinates", coordinates, options.device);
  internal::check_dtype("features", features, options.dtype);
  internal::check_shape("features", features, {options.max_voxels, plan.values[0].channels},
                        "[max_voxels, C]");
  internal::check_memory("features", features, options.device);
  internal::check_dtype("count", count, DType::int64);
  internal::check_shape("count", count, {1}, "[1]");
  internal::check_memory("count", count, options.device);
}

void Executor::Impl::enqueue(ConstTensorView coordinates, ConstTensorView features,
                             ConstTensorView count) {
  check_enqueue(coordinates, features, count);
  enqueued = {};  // its blocks go back, so that this run gets the same ones
  execution.allocator = &pool;
  const std::shared_ptr<void> no_pool_afterwards(nullptr,
                                                 [this](void*) { execution.allocator = nullptr; });

  const internal::LaunchSharing whole_run = {.multiprocessors = options.multiprocessors};
  const internal::SharingScope scope(*backend, &whole_run);
  {
    const internal::LaunchScope scope(internal::RunPart::input);
    enqueued.input = Coordinates(backend->make_deferred_set(execution, borrowed(coordinates), count,
                                                            box_of(*options.bounds, plan.dims), 1));
  }
  enqueued.maps = CoordinateManager(execution, options.map_config).plan(enqueued.input, plan.maps);
  take_sets(enqueued.input, enqueued.maps);
  fixed_arena.reserve(place(options.bounds->batch_size, false));
  set_views(fixed_arena, options.bounds->batch_size);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const internal::LaunchScope scope(internal::RunPart::step, i);
    const int map = plan.steps[i].map;
    launch_step(i, options.conv_config, map >= 0 ? enqueued.maps[at(map)].map : KernelMap(),
                features);
  }
  for (Coordinates& set : set_coordinates) set = {};
  enqueued.features = views[at(plan.output)];
  enqueued.any = true;
}

Result Executor::Impl::collect() {
  GAVOTTE_CHECK(enqueued.any, "collect() expects a run that was enqueued before; there is none");
  // Copies of the handles' data are made exact; the run's own stay as they are, for replays.
  std::vector<std::shared_ptr<const internal::CoordinateData>> sets = {
      std::make_shared<internal::CoordinateData>(*enqueued.input.data())};
  for (const MapResult& map : enqueued.maps)
    sets.push_back(std::make_shared<internal::CoordinateData>(*map.output.data()));
  backend->resolve(execution, sets);

  Result result;
  const auto set_of = [&](int index) -> const internal::CoordinateData& {
    for (std::size_t i = 0; i < enqueued.maps.size(); ++i)
      if (plan.map_output[i] == index) return *sets[i + 1];
    return *sets[0];
  };
  const int output_set = plan.values[at(plan.output)].set;
  TensorView features = enqueued.features;
  if (output_set != internal::kBatchRows) {
    internal::CoordinateData output = set_of(output_set);
    features.shape = Shape{output.rows, features.shape[1]};
    // Out of the pool, which may not outlive it.
    Tensor lattice(execution, DType::int32, output.lattice.shape());
    backend->copy(execution, lattice, output.lattice);
    output.lattice = std::move(lattice);
    if (output.order) {
      Tensor order(execution, DType::int32, output.order.shape());
      backend->copy(execution, order, output.order);
      output.order = std::move(order);
    }
    result.coordinates =
        Coordinates(std::make_shared<const internal::CoordinateData>(std::move(output)));
  }
  result.features = features;
  RunStats& stats = result.stats;
  stats.layers = layer_stats;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto rows_of = [&](int value) {
      const int set = plan.values[at(value)].set;
      return set == internal::kBatchRows ? std::int64_t{options.bounds->batch_size}
                                         : set_of(set).rows;
    };
    stats.layers[i].in_voxels = rows_of(plan.steps[i].inputs[0]);
    stats.layers[i].out_voxels = rows_of(plan.steps[i].output);
  }
  stats.voxels = sets[0]->rows;
  stats.arena_bytes = fixed_arena.capacity();
  stats.peak_bytes = fixed_arena.capacity() + pool.bytes();
  stats.weight_bytes = weight_bytes;
  return result;
}

}  // namespace gavotte
