// A ConvSpec resolved for a number of axes: the integer relation between input and output lattice
// coordinates.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gavotte/conv_spec.h"

namespace gavotte::internal {

using AxisOffset = std::array<std::int64_t, kMaxDims>;

/// fine = coarse * scale + offsets[k]. The output is the coarse side (submanifold, strided) or the
/// fine one (transposed, inverse, generative).
struct Geometry {
  int dims = 3;
  AxisOffset scale = {1, 1, 1, 1};
  std::vector<AxisOffset> offsets;  ///< In the order of the weights.
  bool output_is_fine = false;
  /// offsets[K - 1 - k] == -offsets[k] for all k, and scale is 1: with one set on both sides half
  /// the map is enough.
  bool symmetric = false;
  int identity_offset = -1;  ///< The zero offset where scale is 1, else -1.
  friend bool operator==(const Geometry&, const Geometry&) = default;
};

/// No fine voxel is paired twice: offsets differ modulo the scale, as where the kernel is as large as the stride.
bool pairs_fine_once(const Geometry& geometry);

/// Validates the spec and resolves it.
Geometry resolve(const ConvSpec& spec, int dims);

}  // namespace gavotte::internal
