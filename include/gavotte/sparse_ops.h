// Operations on sparse tensors that are no convolution.
#pragma once

#include <span>

#include "gavotte/convolution.h"
#include "gavotte/sparse_tensor.h"

namespace gavotte {

enum class BinaryOp { add, subtract, multiply };

/// On one set (same_as) row by row; on different sets over their union (rows in lexicographic order), an absent row
/// being 0.
/// Throws Error: strides, dims, channels, dtypes or devices differ.
GAVOTTE_API SparseTensor combine(const SparseTensor& a, const SparseTensor& b, BinaryOp op);
/// Channels side by side, on one set or over the union (absent rows 0).
GAVOTTE_API SparseTensor concatenate(std::span<const SparseTensor> tensors);
/// The union of two sets (rows in lexicographic order) and where their rows lie in it, int32 [rows of the set].
/// Throws Error: strides, dims or devices differ.
struct CoordinateUnion {
  Coordinates coordinates;
  Tensor row_of_a, row_of_b;
};
GAVOTTE_API CoordinateUnion unite(const Coordinates& a, const Coordinates& b,
                                  const Execution& execution = {});
/// Rows where keep (uint8 [N]) is not 0, in their order.
GAVOTTE_API SparseTensor prune(const SparseTensor& x, ConstTensorView keep);
/// y = activation(scale * x + shift + residual), row by row.
GAVOTTE_API Tensor apply_epilogue(ConstTensorView features, const Epilogue& epilogue,
                                  const Execution& execution = {});

/// Dense [batch, C, axis 0, ...] with lattice coordinate `origin` at index 0, zeros where no voxel lies.
/// Throws Error (value) where a voxel lies outside.
GAVOTTE_API Tensor to_dense(const SparseTensor& x, std::int32_t batch_size, PerAxis origin,
                            PerAxis extent);
/// Voxels of a dense [batch, C, axis 0, ...] tensor where any channel is not 0; rows in lexicographic order.
GAVOTTE_API SparseTensor from_dense(ConstTensorView dense, PerAxis origin = 0, PerAxis stride = 1,
                                    const Execution& execution = {});

/// A tensor's elements as another floating dtype, rounded to nearest even.
GAVOTTE_API Tensor convert(ConstTensorView values, DType dtype, const Execution& execution = {});

}  // namespace gavotte
