// Convolution on the CPU. Arguments as Backend's; validated by the callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cpu {

std::unique_ptr<const PackedWeights> pack_weights(const Execution& execution, const ConvPlan& plan,
                                                  ConstTensorView weights);
void convolution_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                         ConstTensorView weights, const Epilogue& epilogue, TensorView y);
void convolution_dgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView grad_y,
                       ConstTensorView weights, TensorView grad_x);
void convolution_wgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                       ConstTensorView grad_y, TensorView grad_weights);
void column_sum(const Execution& execution, ConstTensorView x, TensorView sums);
double padding_ratio(const ConvPlan& plan);

}  // namespace gavotte::internal::cpu
