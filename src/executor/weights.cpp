// Parameters in the dtype, layout and place that a run wants.
#include "executor/weights.h"

#include <algorithm>

#include "backend.h"
#include "gavotte/convolution.h"
#include "tensor_copies.h"

namespace gavotte::internal {

namespace {

Tensor on_device(const Tensor& host, const Execution& execution) {
  if (host.device() == execution.device) return host;
  return copy_on(execution, execution.device, host);
}

Tensor vector_tensor(const std::vector<double>& values, DType dtype, const Execution& execution) {
  if (values.empty()) return {};
  const auto size = static_cast<std::int64_t>(values.size());
  if (dtype == DType::float64)
    return on_device(Tensor::from<double>(values, Shape{size}), execution);
  Tensor host(DType::float32, Shape{size});
  for (std::size_t i = 0; i < values.size(); ++i)
    host.span<float>()[i] = static_cast<float>(values[i]);
  return on_device(host, execution);
}

/// Whether a run may take the dataflow that reads weights as they are. The cost model takes it for a layer only where an
/// entry of another one does.
bool may_gather(const ExecutorOptions& options, const LayerKind& kind) {
  if (!options.config || kind.dtype == DType::int8) return false;
  if (options.conv_config.dataflow == Dataflow::gather_gemm_scatter) return true;
  const auto layers = options.config->layers();
  return std::any_of(layers.begin(), layers.end(), [&](const TunedLayer& layer) {
    return layer.kind.dtype == kind.dtype && layer.kind.direction == kind.direction &&
           layer.kind.threads == kind.threads &&
           layer.config.dataflow == Dataflow::gather_gemm_scatter;
  });
}

}  // namespace

std::vector<StepWeights> make_weights(const Plan& plan, const Network& network, DType dtype,
                                      const Execution& execution) {
  const Execution host{.device = Device::cpu(), .stream = {}, .threads = execution.threads};
  std::vector<StepWeights> all;
  for (const PlanStep& step : plan.steps) {
    StepWeights weights;
    weights.scale = vector_tensor(step.scale, dtype, execution);
    weights.shift = vector_tensor(step.shift, dtype, execution);
    if (!step.weight.empty()) {
      Tensor weight = network.parameter(step.weight);
      if (weight.shape().rank() == 3 && step.spec.weight_layout != WeightLayout::kio)
        weight = to_kio(weight, step.spec.weight_layout);
      if (!step.quantization && weight.dtype() != dtype) {
        Tensor converted(dtype, weight.shape());
        backend(host.device).convert(host, weight, converted);
        weight = converted;
      }
      weights.weight = on_device(weight, execution);
      weights.matrix = static_cast<const Tensor&>(weights.weight).view();
      if (weights.matrix.shape.rank() == 2)
        weights.matrix.shape = Shape{1, weights.matrix.shape[0], weights.matrix.shape[1]};
    }
    all.push_back(std::move(weights));
  }
  return all;
}

void pack_weights(const Plan& plan, const std::vector<LayerKind>& kinds,
                  const ExecutorOptions& options, const Execution& execution,
                  std::vector<StepWeights>& weights) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    const bool multiplies = step.kind == StepKind::convolution || step.kind == StepKind::dense;
    if (!multiplies && !step.quantization) continue;
    StepWeights& own = weights[i];
    ConvPlan conv;
    conv.groups = step.spec.groups;
    conv.in_channels = own.matrix.shape[1] * conv.groups;
    conv.out_channels = own.matrix.shape[2];
    // Of the dataflow that every layer has where nothing was tuned.
    if (!options.config) conv.config = options.conv_config;
    own.packed = backend(execution.device).pack_weights(execution, conv, own.matrix);
    if (own.packed == nullptr || may_gather(options, kinds[i])) continue;
    // One offset is dense where a tuned config refuses matrix tiles.
    if (own.matrix.shape[0] == 1 && !step.quantization) continue;
    own.weight = {};
    own.matrix.data = nullptr;
  }
}

std::int64_t needed_bytes(const StepWeights& weights) {
  const ConstTensorView& matrix = weights.matrix;
  std::int64_t bytes = matrix.shape.rank() > 0 ? matrix.bytes() : 0;
  for (const Tensor* tensor : {&weights.scale, &weights.shift})
    if (*tensor) bytes += tensor->view().bytes();
  return bytes;
}

std::int64_t weight_bytes(const StepWeights& weights) {
  std::int64_t bytes = weights.packed != nullptr ? weights.packed->bytes() : 0;
  for (const Tensor* tensor : {&weights.weight, &weights.scale, &weights.shift})
    if (*tensor) bytes += tensor->view().bytes();
  return bytes;
}

}  // namespace gavotte::internal
