// Convolutions with as many groups as input channels: each pair is a multiply-add for each channel,
// without a GEMM.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

constexpr bool is_depthwise(const ConvPlan& plan) { return plan.in_channels == plan.groups; }

/// Weights [K, 1, Cout].
void depthwise_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                       ConstTensorView weights, const Epilogue& epilogue, TensorView y);

}  // namespace gavotte::internal::cuda
