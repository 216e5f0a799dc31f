// Pooling over a kernel map on a GPU. Arguments as Backend's; validated by the callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

void pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                  ConstTensorView x, TensorView y);
void pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                   ConstTensorView x, ConstTensorView y, ConstTensorView grad_y, TensorView grad_x);

}  // namespace gavotte::internal::cuda
