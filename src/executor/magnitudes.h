// How large the features of a value are over many scans, and which scale of bytes suits them.
#pragma once

#include <array>
#include <cstdint>

#include "gavotte/tensor.h"

namespace gavotte::internal {

/// A histogram of magnitudes whose bins widen by powers of two as larger ones come. Zeros, which
/// every scale keeps, and what is not finite are left out.
class Magnitudes {
 public:
  void add(ConstTensorView features);  ///< float32, on the host.
  /// The scale with the least expected square error where bytes reach from 0 to `range` of it: a
  /// value within is off by up to half a step, evenly; one above is cut off.
  float best_scale(float range) const;

 private:
  static constexpr int kBins = 4096;
  void widen();
  std::array<std::int64_t, kBins> counts_ = {};
  float width_ = 0x1p-40F;  ///< Of a bin.
};

}  // namespace gavotte::internal
