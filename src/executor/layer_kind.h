// The steps of a plan as a device config names them.
#pragma once

#include "executor/plan.h"
#include "gavotte/device_config.h"

namespace gavotte::internal {

/// The kind of a convolution's or dense step's forward pass; without a kernel for other steps.
LayerKind layer_kind(const Plan& plan, const PlanStep& step, DType dtype,
                     const Execution& execution);

}  // namespace gavotte::internal
