// The dataflow of a map that is the identity: one GEMM with the epilogue at its end.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

/// Weights [1, Cin / groups, Cout].
void dense_gemm_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                        ConstTensorView weights, const Epilogue& epilogue, TensorView y);

}  // namespace gavotte::internal::cuda
