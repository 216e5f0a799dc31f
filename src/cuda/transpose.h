// Exchanging rows and columns on a GPU. Arguments as Backend's; validated by the callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

void transpose(const Execution& execution, ConstTensorView x, TensorView y);

}  // namespace gavotte::internal::cuda
