// Between sparse rows and dense grids, and the rows that a mask keeps, on a GPU. Arguments as
// Backend's; validated by the callers. from_dense and kept_rows wait for the stream once, to know how
// many rows there are; to_dense does not wait.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

void to_dense(const Execution& execution, const CoordinateData& set, ConstTensorView x,
              PerAxis origin, TensorView y);
void from_dense(const Execution& execution, ConstTensorView dense, PerAxis origin, Tensor& lattice,
                Tensor& features);
Tensor kept_rows(const Execution& execution, ConstTensorView keep);

}  // namespace gavotte::internal::cuda
