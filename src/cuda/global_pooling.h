// Pooling over the rows of each batch entry on a GPU. Arguments as Backend's; validated by the
// callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

void global_pool_forward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                         ConstTensorView x, TensorView y);
void global_pool_backward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                          ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                          TensorView grad_x);

}  // namespace gavotte::internal::cuda
