// The output-stationary dataflow: one kernel in which the sums stay with their output rows.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

/// Weights [K, Cin / groups, Cout].
void implicit_gemm_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                           ConstTensorView weights, const Epilogue& epilogue, TensorView y);

}  // namespace gavotte::internal::cuda
