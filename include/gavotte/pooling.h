// Pooling over kernel maps and over batch entries.
#pragma once

#include "gavotte/sparse_tensor.h"

namespace gavotte {

/// average_present divides by the inputs that exist (MinkowskiEngine, spconv), average_volume by K (dense pooling).
enum class PoolMode { max, sum, average_present, average_volume };
GAVOTTE_API std::string_view name(PoolMode mode) noexcept;

/// features [N, C] -> [M, C]; an output without input is 0. Maximum of NaN is NaN. Accumulates as convolution does.
/// With a transposed map and PoolMode::sum this is unpooling.
GAVOTTE_API Tensor pool(ConstTensorView features, const KernelMap& map, PoolMode mode,
                        const Execution& execution = {});
/// Gradient of the features, [N, C]. max: goes to the first input (in offset order) that equals the output.
/// features and output are read for max only; they may be empty views for the other modes.
GAVOTTE_API Tensor pool_backward(ConstTensorView features, ConstTensorView output,
                                 ConstTensorView grad_out, const KernelMap& map, PoolMode mode,
                                 const Execution& execution = {});
GAVOTTE_API SparseTensor pool(const SparseTensor& x, const ConvSpec& spec, PoolMode mode);

/// The same into memory of the caller's, which must have the shape and dtype of the result.
GAVOTTE_API void pool_into(TensorView out, ConstTensorView features, const KernelMap& map,
                           PoolMode mode, const Execution& execution = {});
GAVOTTE_API void pool_backward_into(TensorView out, ConstTensorView features,
                                    ConstTensorView output, ConstTensorView grad_out,
                                    const KernelMap& map, PoolMode mode,
                                    const Execution& execution = {});

/// features [N, C] -> [batch_size, C]; an entry without voxels is 0. average_volume is an Error.
/// Adds in key order: the order of the set's rows does not change the result.
GAVOTTE_API Tensor global_pool(ConstTensorView features, const Coordinates& coordinates,
                               std::int32_t batch_size, PoolMode mode,
                               const Execution& execution = {});
/// max: goes to the first row in key order that equals the output. Views as pool_backward's.
GAVOTTE_API Tensor global_pool_backward(ConstTensorView features, ConstTensorView output,
                                        ConstTensorView grad_out, const Coordinates& coordinates,
                                        PoolMode mode, const Execution& execution = {});
/// The same into memory of the caller's, which must have the shape and dtype of the result.
GAVOTTE_API void global_pool_into(TensorView out, ConstTensorView features,
                                  const Coordinates& coordinates, std::int32_t batch_size,
                                  PoolMode mode, const Execution& execution = {});
GAVOTTE_API void global_pool_backward_into(TensorView out, ConstTensorView features,
                                           ConstTensorView output, ConstTensorView grad_out,
                                           const Coordinates& coordinates, PoolMode mode,
                                           const Execution& execution = {});

}  // namespace gavotte
