#include "executor/layer_kind.h"

#include "config/kinds.h"

namespace gavotte::internal {

LayerKind layer_kind(const Plan& plan, const PlanStep& step, DType dtype,
                     const Execution& execution) {
  LayerKind kind;
  if (step.kind != StepKind::convolution && step.kind != StepKind::dense) return kind;
  const auto channels = [&plan](int value) {
    return plan.values[static_cast<std::size_t>(value)].channels;
  };
  // A linear layer is a 1x1 convolution.
  const bool dense = step.kind == StepKind::dense;
  kind.kernel = kernel_name(dense ? ConvSpec::submanifold(1) : step.spec, plan.dims);
  kind.in_channels = channels(step.inputs[0]);
  kind.out_channels = channels(step.output);
  kind.groups = step.spec.groups;
  kind.dtype = step.quantization ? DType::int8 : dtype;
  kind.threads = kind_threads(execution);
  return kind;
}

}  // namespace gavotte::internal
