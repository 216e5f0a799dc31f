#include "cuda/transpose_weights.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

Tensor transposed_weights(const Execution&, ConstTensorView, int, std::int64_t, std::int64_t) {
  not_yet("convolution_dgrad");
}

}  // namespace gavotte::internal::cuda
