// Weights as the gradient of the input reads them.
#pragma once

#include "gavotte/tensor.h"

namespace gavotte::internal::cuda {

/// [K, Cin / groups, Cout] -> [K, Cout / groups, Cin]: each group of each offset transposed.
Tensor transposed_weights(const Execution& execution, ConstTensorView weights, int groups,
                          std::int64_t in_channels, std::int64_t out_channels);

}  // namespace gavotte::internal::cuda
