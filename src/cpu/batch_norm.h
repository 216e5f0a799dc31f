// Batch norm in training on the CPU. Arguments as Backend's; validated by the callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cpu {

void batch_norm_forward(const Execution& execution, ConstTensorView x, ConstTensorView residual,
                        const BatchNormOptions& options, const RunningStatistics& running,
                        TensorView statistics, TensorView y);
void batch_norm_backward(const Execution& execution, ConstTensorView grad_y, ConstTensorView x,
                         ConstTensorView y, ConstTensorView statistics,
                         const BatchNormOptions& options, const BatchNormGradients& out);

}  // namespace gavotte::internal::cpu
