// Vectorised loops of batch norm over rows of features, for the widest vectors of the CPU they run on (chosen at run
// time). "Accumulators" are float, or double for float64.
#pragma once

#include <cstdint>

#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// Rows [rows, channels] of a dtype.
struct NormShape {
  DType dtype;
  std::int64_t rows, channels;
};

/// Where a ReLU let values pass: everywhere as there is none, where x is normalised to above 0, where y is above 0.
enum class ReluMask { none, of_x, of_y };

/// value = (x - mean) * factor + shift, a ReLU behind it where there is one. Accumulators [channels].
struct Normalise {
  const void *mean, *factor, *shift;
  bool relu;
};

/// mean[c]: of the rows; squares[c]: the sum of squared deviations from it.
void measure_rows(const NormShape& shape, const void* x, double* mean, double* squares);

/// y = relu(value(x) + residual); residual null for none.
void normalise_rows(const NormShape& shape, const void* x, const void* residual,
                    const Normalise& how, void* y);

/// sums[c] = the sum of g, products[c] that of g * (x - mean), where g is grad_y behind the mask; also to `masked` unless
/// that is null.
struct SumGradients {
  const void *grad_y, *x, *y;
  ReluMask mask;
  Normalise forward;
  void* masked;
  double *sums, *products;
};
void sum_gradients(const NormShape& shape, const SumGradients& args);

/// grad_x = g * factor + (x - mean) * slope + offset, g: grad_y behind the mask, which is none or of_x.
struct SpreadGradients {
  const void *grad_y, *x;
  ReluMask mask;
  Normalise forward;
  const void *slope, *offset;  ///< Accumulators [channels]
  void* grad_x;
};
void spread_gradients(const NormShape& shape, const SpreadGradients& args);

}  // namespace gavotte::internal::cpu
