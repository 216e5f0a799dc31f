// The dataflow of the paper "Minuet: Accelerating 3D Sparse Convolutions on GPUs" (EuroSys'24), the
// baseline: sizes read by the host, offsets in padded groups, a batched GEMM of cuBLAS for each
// group on one of several streams, then a scatter.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

/// Weights [K, Cin / groups, Cout]. Waits for the stream once, for the sizes; the number of launches
/// follows from them. Throws Error (runtime) without cuBLAS and while the stream is captured.
void minuet_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                    ConstTensorView weights, const Epilogue& epilogue, TensorView y);

}  // namespace gavotte::internal::cuda
