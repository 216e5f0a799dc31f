#include "manifest/enqueued_run.h"

#include <array>

#include "backend.h"
#include "check.h"
#include "executor/stats.h"
#include "gavotte/sparse_ops.h"
#include "network/graph.h"

namespace gavotte::internal {
namespace {

Tensor on_host(const Tensor& tensor) {
  return tensor.device() == Device::cpu() ? tensor : tensor.to(Device::cpu());
}

/// The first rows of a larger tensor on the device.
void upload(const Execution& execution, const Tensor& from, Tensor& to) {
  Backend& there = backend(execution.device);
  there.fill_zero(execution, to.view());
  there.copy(execution, {to.data(), to.dtype(), from.shape(), to.device()},
             std::as_const(from).view());
}

}  // namespace

EnqueuedScan::EnqueuedScan(const Voxels& voxels, const ExecutorOptions& options, int dims) {
  GAVOTTE_CHECK(
      options.max_voxels > 0 && options.bounds,
      "a manifest of enqueue() needs the options max_voxels and bounds: the most rows of a "
      "scan, and where they lie");
  GAVOTTE_CHECK(voxels.size() <= options.max_voxels,
                "expected at most " + std::to_string(options.max_voxels) + " voxels, got " +
                    std::to_string(voxels.size()));
  const Execution execution{.device = options.device, .stream = options.stream};
  const Tensor coordinates = on_host(voxels.coordinates), features = on_host(voxels.features);
  GAVOTTE_CHECK(coordinates.shape().rank() == 2 && coordinates.shape()[1] == dims + 1,
                "expected coordinates [N, " + std::to_string(dims + 1) + "], got " +
                    coordinates.shape().to_string());
  coordinates_ = Tensor(DType::int32, {options.max_voxels, dims + 1}, options.device);
  features_ = Tensor(options.dtype, {options.max_voxels, features.shape()[1]}, options.device);
  count_ = Tensor(DType::int64, {1}, options.device);
  const std::array<std::int64_t, 1> rows = {voxels.size()};
  upload(execution, coordinates, coordinates_);
  upload(execution, convert(features, options.dtype), features_);
  upload(execution, Tensor::from<std::int64_t>(rows, {1}), count_);
}

void EnqueuedScan::enqueue(Executor& executor) const {
  executor.enqueue(coordinates_.view(), features_.view(), count_.view());
}

RunStats enqueued_stats(const ExecutorAccess::Impl& impl, RunStats stats) {
  const Plan& plan = impl.plan;
  const auto rows_of = [&](int value) {
    const int set = plan.values[at(value)].set;
    return set == kBatchRows ? std::int64_t{impl.options.bounds->batch_size}
                             : impl.set_rows[at(set)];
  };
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    LayerStats& layer = stats.layers[i];
    const std::int64_t out_rows = rows_of(step.output);
    count_work(layer, step, impl.weights[i], KernelMap(), rows_of(step.inputs[0]), out_rows,
               element_bytes(plan, step, impl.options.dtype));
    layer.config = impl.options.conv_config;
    if (step.map < 0) continue;
    const std::int64_t offsets = plan.maps[at(step.map)].spec.kernel_volume(plan.dims);
    layer.pairs = out_rows * offsets;
    layer.bytes += layer.pairs * static_cast<std::int64_t>(sizeof(std::int32_t));  // the table
  }
  return stats;
}

}  // namespace gavotte::internal
