// Gradients of weights and bias.
#include "cuda/convolution.h"
#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void convolution_wgrad(const Execution&, const ConvPlan&, ConstTensorView, ConstTensorView,
                       TensorView) {
  not_yet("convolution_wgrad");
}

void column_sum(const Execution&, ConstTensorView, TensorView) { not_yet("column_sum"); }

}  // namespace gavotte::internal::cuda
