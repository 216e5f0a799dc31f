#include "cuda/pooling.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                  ConstTensorView x, TensorView y) {
  not_yet("pool_forward");
}

void pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                   ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                   TensorView grad_x) {
  not_yet("pool_backward");
}

}  // namespace gavotte::internal::cuda
