// What is done to finished rows: y = activation(scale * r + shift + residual), rounded once to y's
// dtype. The same code ends every convolution and makes the element-wise operation, so fused and
// separate forms agree.
#pragma once

#include <cstdint>

#include "gavotte/convolution.h"

namespace gavotte::internal::cpu {

/// An Epilogue as the row kernels read it. Accumulators are float, or double for float64 rows.
struct RowEpilogue {
  const void* scale = nullptr;     ///< Accumulators [C]; null = 1
  const void* shift = nullptr;     ///< Accumulators [C]; null = 0
  const void* residual = nullptr;  ///< [M, C] in y's dtype; null = 0
  Activation activation = Activation::none;
  double negative_slope = 0;

  static RowEpilogue from(const Epilogue& epilogue) {
    return {epilogue.scale.data, epilogue.shift.data, epilogue.residual.data, epilogue.activation,
            static_cast<double>(epilogue.negative_slope)};
  }
  bool empty() const noexcept {
    return scale == nullptr && shift == nullptr && residual == nullptr &&
           activation == Activation::none;
  }
};

/// Rows [first, first + rows) of y [M, C] = epilogue of the same rows of x [M, C]; both have
/// `dtype`, y may be x.
void apply_epilogue(DType dtype, const void* x, std::int64_t first, std::int64_t rows,
                    std::int64_t channels, const RowEpilogue& epilogue, void* y);

}  // namespace gavotte::internal::cpu
