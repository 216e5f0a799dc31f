#include "cuda/elementwise.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void copy(const Execution& execution, TensorView destination, ConstTensorView source) {
  not_yet("copy");
}

void epilogue(const Execution& execution, ConstTensorView x, const Epilogue& epilogue,
              TensorView y) {
  not_yet("epilogue");
}

void binary(const Execution& execution, BinaryOp op, ConstTensorView a, ConstTensorView b,
            TensorView y) {
  not_yet("binary");
}

void scatter_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                  std::int64_t column, TensorView y) {
  not_yet("scatter_rows");
}

void gather_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                 TensorView y) {
  not_yet("gather_rows");
}

void convert(const Execution& execution, ConstTensorView x, TensorView y) { not_yet("convert"); }

}  // namespace gavotte::internal::cuda
