// Batch norm in training over the rows of a matrix, in one operation with what often follows: a sum and a ReLU. On the
// CPU alone.
#pragma once

#include "gavotte/tensor.h"

namespace gavotte {

/// How y = relu(scale * (x - mean) / sqrt(variance + eps) + shift + residual) is made. mean and variance are those of each
/// channel of x, the variance divided by N. "Accumulators" are float64 for float64 features, else float32.
struct BatchNormOptions {
  ConstTensorView scale, shift;  ///< Accumulators [C]; null for 1 and 0.
  double eps = 1e-5;
  bool relu = false;
};

/// What a forward pass moves towards its mean and its variance divided by N - 1: running += momentum * (of x - running).
struct RunningStatistics {
  TensorView mean, variance;  ///< Accumulators [C]; both null for none.
  double momentum = 0.1;
};

/// x: [N, C] of a floating dtype, y and residual (null for none) like it; y may be x or the residual. statistics:
/// accumulators [2, C], written: mean and 1 / sqrt(variance + eps), which the gradients read. Deviations from the mean are
/// summed, in float32 over some rows and in float64 over these, in an order that no number of threads changes. NaN makes a
/// channel NaN. Throws Error for less than one row, or less than two with running statistics.
GAVOTTE_API void batch_norm_into(TensorView y, TensorView statistics, ConstTensorView x,
                                 ConstTensorView residual, const BatchNormOptions& options,
                                 const RunningStatistics& running = {},
                                 const Execution& execution = {});

/// Where the gradients go, each null where it is not wanted but residual, which is there where y is read.
struct BatchNormGradients {
  TensorView x;             ///< [N, C]; may be the memory of grad_y or of residual.
  TensorView scale, shift;  ///< Accumulators [C]
  TensorView residual;      ///< [N, C]: grad_y where y is above 0; may be the memory of grad_y.
};

/// y: the forward's where it had both a residual and the ReLU, else null; without a ReLU the residual's gradient is grad_y
/// itself. Where a ReLU without a residual let values pass is computed anew from x.
GAVOTTE_API void batch_norm_backward_into(const BatchNormGradients& out, ConstTensorView grad_y,
                                          ConstTensorView x, ConstTensorView y,
                                          ConstTensorView statistics,
                                          const BatchNormOptions& options,
                                          const Execution& execution = {});

}  // namespace gavotte
