// Exchanging rows and columns on a GPU. Arguments as Backend's; validated by the callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

/// `batches` matrices, each of `groups` blocks of columns that are transposed by themselves:
/// [batches, rows, groups * columns] -> [batches, columns, groups * rows].
struct TransposeShape {
  std::int64_t batches = 1, groups = 1, rows = 0, columns = 0;
};
void transpose(const Execution& execution, const TransposeShape& shape, DType dtype, const void* x,
               void* y);
void transpose(const Execution& execution, ConstTensorView x, TensorView y);

}  // namespace gavotte::internal::cuda
