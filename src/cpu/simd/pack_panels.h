// Weights in the order in which indirect_gemm reads them.
#pragma once

#include <cstdint>

#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// A matrix [in, out] is cut into panels of columns, which are filled up with zeros to whole
/// vectors; a panel is [in / inputs, rounded up][columns][inputs], the last inputs filled up with
/// zeros, too.
struct PanelLayout {
  std::int64_t lanes;   ///< Columns of a vector.
  std::int64_t widest;  ///< Columns of every panel but the last.
  std::int64_t inputs;  ///< Input channels that one instruction takes side by side: 1, 2 or 4.
};

/// A matrix [in, out] of a product_dtype, element (i, o) at data[i * in_stride + o * out_stride];
/// one of the strides is 1.
struct WeightMatrix {
  DType dtype;
  const void* data;
  std::int64_t in, out;
  std::int64_t in_stride, out_stride;
};

/// Elements of a matrix as panels.
std::int64_t panel_elements(const PanelLayout& layout, std::int64_t in, std::int64_t out);

/// Writes the panels.
void pack_panels(const PanelLayout& layout, const WeightMatrix& weights, void* panels);

}  // namespace gavotte::internal::cpu
