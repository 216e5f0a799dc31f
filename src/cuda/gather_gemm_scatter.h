// The dataflow of three steps: the inputs of all pairs gathered into one matrix, a GEMM for each
// kernel offset, the products summed by output row.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

/// Weights [K, Cin / groups, Cout].
void gather_gemm_scatter_forward(const Execution& execution, const ConvPlan& plan,
                                 ConstTensorView x, ConstTensorView weights,
                                 const Epilogue& epilogue, TensorView y);

}  // namespace gavotte::internal::cuda
