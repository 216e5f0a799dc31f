#include "cuda/convolution.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void convolution_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                         ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  not_yet("convolution_forward");
}

void convolution_dgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView grad_y,
                       ConstTensorView weights, TensorView grad_x) {
  not_yet("convolution_dgrad");
}

void convolution_wgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                       ConstTensorView grad_y, TensorView grad_weights) {
  not_yet("convolution_wgrad");
}

void column_sum(const Execution& execution, ConstTensorView x, TensorView sums) {
  not_yet("column_sum");
}

double padding_ratio(const ConvPlan& plan) { not_yet("padding_ratio"); }

}  // namespace gavotte::internal::cuda
