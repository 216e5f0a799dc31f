#include "cuda/dense.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void to_dense(const Execution& execution, const CoordinateData& set, ConstTensorView x,
              PerAxis origin, TensorView y) {
  not_yet("to_dense");
}

void from_dense(const Execution& execution, ConstTensorView dense, PerAxis origin, Tensor& lattice,
                Tensor& features) {
  not_yet("from_dense");
}

Tensor kept_rows(const Execution& execution, ConstTensorView keep) { not_yet("kept_rows"); }

}  // namespace gavotte::internal::cuda
