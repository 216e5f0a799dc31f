// Checks of the views, tensors and configurations that the public operations are given. Each throws
// Error with what it expected and what came; `what` names the argument.
#pragma once

#include "gavotte/convolution.h"
#include "gavotte/sparse_tensor.h"

namespace gavotte::internal {

void check_floating(const char* what, const ConstTensorView& view);
void check_dtype(const char* what, const ConstTensorView& view, DType expected);
/// meaning: the shape in words, "[Cout]".
void check_shape(const char* what, const ConstTensorView& view, const Shape& expected,
                 const char* meaning);
/// Memory where there are elements, on the device where the call runs.
void check_memory(const char* what, const ConstTensorView& view, const Device& device);
/// Floating [rows, channels]. rows_of: "input", the map's rows that these are.
void check_matrix(const char* what, const ConstTensorView& view, std::int64_t rows,
                  const char* rows_of);
/// Where a result goes that the caller has memory for.
void check_out(const TensorView& out, DType dtype, const Shape& shape, const char* meaning,
               const Execution& execution);
/// Not default constructed.
void check_map(const KernelMap& map);
void check_tensor(const char* what, const SparseTensor& x);
void check_epilogue(const Epilogue& epilogue, DType dtype, std::int64_t rows, std::int64_t channels,
                    const Device& device);
/// Legal values, and a dataflow that the backend of `device` has.
void check_config(const ConvConfig& config, const Device& device);

/// float32, or float64 for float64.
DType accumulator_of(DType dtype);

}  // namespace gavotte::internal
