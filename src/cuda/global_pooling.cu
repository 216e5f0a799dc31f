#include "cuda/global_pooling.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void global_pool_forward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                         ConstTensorView x, TensorView y) {
  not_yet("global_pool_forward");
}

void global_pool_backward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                          ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                          TensorView grad_x) {
  not_yet("global_pool_backward");
}

}  // namespace gavotte::internal::cuda
