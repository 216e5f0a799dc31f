// Element-wise operations and moves of rows on the CPU. Arguments as Backend's; validated by the
// callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cpu {

void copy(const Execution& execution, TensorView destination, ConstTensorView source);
void epilogue(const Execution& execution, ConstTensorView x, const Epilogue& epilogue,
              TensorView y);
void binary(const Execution& execution, BinaryOp op, ConstTensorView a, ConstTensorView b,
            TensorView y);
void scatter_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                  std::int64_t column, TensorView y);
void concatenate(const Execution& execution, std::span<const ConstTensorView> xs, TensorView y);
void gather_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows, TensorView y);
void convert(const Execution& execution, ConstTensorView x, TensorView y);
void transpose(const Execution& execution, ConstTensorView x, TensorView y);

}  // namespace gavotte::internal::cpu
