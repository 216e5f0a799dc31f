// Int8 convolutions on the CPU: the dataflow tile_indirect on bytes, with exact int32 sums.
#pragma once

#include <memory>

#include "backend.h"

namespace gavotte::internal::cpu {

/// weights: int8 [K, Cin / groups, Cout].
std::unique_ptr<const PackedWeights> pack_byte_weights(const Execution& execution,
                                                       const ConvPlan& plan,
                                                       ConstTensorView weights);

/// plan.packed: of pack_byte_weights. Equal bits for any number of threads and on any CPU; the sums
/// of dynamic_row are rounded to float32 once for each pair, in the order of the offsets, the
/// identity first.
void byte_convolution(const Execution& execution, const ConvPlan& plan, const ByteInput& input,
                      const Epilogue& epilogue, const ByteOutput& output);

/// y[:, column : column + C] = the bytes of x [N, C].
void quantize(const Execution& execution, ConstTensorView x, const ByteScale& scale,
              std::int64_t column, TensorView y);

}  // namespace gavotte::internal::cpu
