// Sparse convolution: forward and both gradients.
#pragma once

#include "gavotte/config.h"
#include "gavotte/conv_spec.h"
#include "gavotte/sparse_tensor.h"

namespace gavotte {

enum class Activation { none, relu, leaky_relu, sigmoid };
GAVOTTE_API std::string_view name(Activation activation) noexcept;

/// What is done to each output row r while it is in registers: y = activation(scale * r + shift + residual).
/// Empty views are left out. scale, shift: float32 [Cout] (float64 for float64 features); a bias is a shift.
struct Epilogue {
  ConstTensorView scale = {};
  ConstTensorView shift = {};
  ConstTensorView residual = {};  ///< [M, Cout], the features' dtype.
  Activation activation = Activation::none;
  float negative_slope = 0.01F;  ///< leaky_relu
};

struct ConvolutionOptions {
  ConstTensorView bias = {};  ///< [Cout], the weights' dtype or float32.
  Activation activation = Activation::none;
  ConvConfig config = {};
};

/// y[o, :] = sum over offsets k and pairs (i, o) of k: x[i, :] * W[k], then bias and activation.
/// x [N, Cin], weights [K, Cin / groups, Cout] or as spec.weight_layout says; one dtype for both.
/// Accumulates in float32 (float64 for float64). Same bits on every run and for any number of threads.
/// 16-bit results are rounded once, at the end. In which order bfloat16 products are summed, and whether
/// subnormal numbers count as zeros, is the CPU's choice (AVX512_BF16 multiplies bfloat16 itself, other
/// CPUs a float32 copy): two kinds of CPU may give different last bits.
GAVOTTE_API SparseTensor convolution(const SparseTensor& x, ConstTensorView weights,
                                     const ConvSpec& spec, const ConvolutionOptions& options = {});
/// With a map made before: weights [K, Cin / groups, Cout].
GAVOTTE_API Tensor convolution(ConstTensorView features, ConstTensorView weights,
                               const KernelMap& map, int groups = 1, const Epilogue& epilogue = {},
                               const ConvConfig& config = {}, const Execution& execution = {});
/// Gradient of the features: grad_out [M, Cout] -> [N, Cin].
GAVOTTE_API Tensor convolution_dgrad(ConstTensorView grad_out, ConstTensorView weights,
                                     const KernelMap& map, int groups = 1,
                                     const ConvConfig& config = {},
                                     const Execution& execution = {});
/// Gradient of the weights: [K, Cin / groups, Cout], in the features' dtype; bfloat16 as in convolution().
GAVOTTE_API Tensor convolution_wgrad(ConstTensorView features, ConstTensorView grad_out,
                                     const KernelMap& map, int groups = 1,
                                     const ConvConfig& config = {},
                                     const Execution& execution = {});
/// Gradient of the bias: column sums of grad_out, [Cout], in its dtype.
GAVOTTE_API Tensor bias_grad(ConstTensorView grad_out, const Execution& execution = {});

/// The same into memory of the caller's, which must have the shape and dtype of the result and must not
/// overlap an argument.
GAVOTTE_API void convolution_into(TensorView out, ConstTensorView features, ConstTensorView weights,
                                  const KernelMap& map, int groups = 1,
                                  const Epilogue& epilogue = {}, const ConvConfig& config = {},
                                  const Execution& execution = {});
GAVOTTE_API void convolution_dgrad_into(TensorView out, ConstTensorView grad_out,
                                        ConstTensorView weights, const KernelMap& map,
                                        int groups = 1, const ConvConfig& config = {},
                                        const Execution& execution = {});
GAVOTTE_API void convolution_wgrad_into(TensorView out, ConstTensorView features,
                                        ConstTensorView grad_out, const KernelMap& map,
                                        int groups = 1, const ConvConfig& config = {},
                                        const Execution& execution = {});

/// Weights in any layout as [K, Cin / groups, Cout]; of a floating dtype or int8.
GAVOTTE_API Tensor to_kio(ConstTensorView weights, WeightLayout layout,
                          const Execution& execution = {});

}  // namespace gavotte
