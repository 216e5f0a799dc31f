// How the values of a plan are kept between its steps.
#include "executor/plan.h"

#include <algorithm>

namespace gavotte::internal {

namespace {

/// True where a step can write its output as bytes without writing it as floats.
bool writes_bytes(const PlanStep& step) {
  return step.quantization || step.kind == StepKind::concatenate;
}

}  // namespace

ByteScale input_scale(const LayerQuantization& quantization) {
  return {static_cast<float>(quantization.input_scale),
          static_cast<std::uint8_t>(quantization.non_negative ? 0 : 128)};
}

void choose_storage(Plan& plan, bool always_floats) {
  const int steps = static_cast<int>(plan.steps.size());
  for (PlanValue& value : plan.values) {
    value.floats =
        always_floats || value.first_step < 0 || !writes_bytes(plan.steps[at(value.first_step)]);
    value.bytes.reset();
    value.last_step = value.bytes_last_step = value.first_step;
  }
  const auto read_floats = [&](int index, int step) {
    PlanValue& value = plan.values[at(index)];
    value.floats = true;
    value.last_step = std::max(value.last_step, step);
  };
  for (int i = 0; i < steps; ++i) {
    PlanStep& step = plan.steps[at(i)];
    step.reads_bytes = false;
    if (step.quantization && step.quantization->scales == ActivationScales::static_tensor) {
      PlanValue& value = plan.values[at(step.inputs[0])];
      const ByteScale scale = input_scale(*step.quantization);
      if (!value.bytes) value.bytes = scale;
      // A reader that counts bytes otherwise makes its own from the floats.
      step.reads_bytes = *value.bytes == scale;
      if (step.reads_bytes) value.bytes_last_step = i;
    }
    if (!step.reads_bytes)
      for (const int input : step.inputs) read_floats(input, i);
    if (step.residual >= 0) read_floats(step.residual, i);
  }
  read_floats(plan.output, steps);
}

}  // namespace gavotte::internal
