// Features as bytes, as int8 convolutions read and write them.
#pragma once

#include <cstdint>

#include "gavotte/quantization.h"
#include "gavotte/tensor.h"

namespace gavotte::internal {

/// A value v is the byte round(v * (1 / scale)) + zero in float32, to nearest even and to the
/// nearest of 0 to 255; NaN is the byte of 0. zero: 0 for values of at least 0, 128 for those of
/// either sign.
struct ByteScale {
  float scale = 1;
  std::uint8_t zero = 0;
  friend bool operator==(const ByteScale&, const ByteScale&) = default;
};

/// The largest magnitude that the bytes of a scale reach on both sides of zero: scale * this.
constexpr float byte_range(std::uint8_t zero) noexcept { return zero == 0 ? 255.0F : 127.0F; }

/// What an int8 convolution reads.
struct ByteInput {
  ConstTensorView x;  ///< [N, Cin]: uint8 (static_tensor only), or floats that become bytes first.
  ActivationScales scales = ActivationScales::static_tensor;
  ByteScale scale = {};  ///< Where scales are found in the features, only its zero counts.
};

/// What it writes: one of the two, or both.
struct ByteOutput {
  TensorView y;      ///< [M, Cout] of a floating dtype, which the epilogue's residual has too.
  TensorView bytes;  ///< uint8 [M, Cout]
  ByteScale scale = {};
};

}  // namespace gavotte::internal
