#include "cuda/transpose_weights.h"

#include "cuda/memory.h"
#include "cuda/transpose.h"

namespace gavotte::internal::cuda {

Tensor transposed_weights(const Execution& execution, ConstTensorView weights, int groups,
                          std::int64_t in_channels, std::int64_t out_channels) {
  const std::int64_t offsets = weights.shape[0], in_group = in_channels / groups,
                     out_group = out_channels / groups;
  Tensor result = make_tensor(execution, weights.dtype, {offsets, out_group, in_channels});
  transpose(execution, {offsets, groups, in_group, out_group}, weights.dtype, weights.data,
            result.data());
  return result;
}

}  // namespace gavotte::internal::cuda
