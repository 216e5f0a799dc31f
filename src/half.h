// The two 16-bit floating-point formats as storage: float16 (IEEE 754 binary16: 1 sign, 5 exponent,
// 10 fraction bits) and bfloat16 (the upper half of a binary32). Arithmetic happens in float.
//
// To float is exact. From float and from double rounds once, to nearest, ties to even; what is too
// large becomes infinity; NaN stays NaN, made quiet, with its sign and the payload bits that fit,
// as the hardware does it. Nothing here branches, so loops over rows vectorise; and nothing
// multiplies or returns a subnormal float16 by way of a subnormal float, so a process that flushes
// those to zero gets the same float16 values.
#pragma once

#include <bit>
#include <cstdint>

#include "gavotte/tensor.h"

namespace gavotte::internal {

/// `value` as float with the last fraction bit set where it was inexact ("round to odd"). A second
/// rounding, to a format of at least two fraction bits fewer, then gives what one rounding from
/// double would have given.
constexpr float round_to_odd(double value) noexcept {
  const float nearest = static_cast<float>(value);
  const auto bits = std::bit_cast<std::uint32_t>(nearest);
  const double magnitude = value < 0 ? -value : value;
  const double rounded = nearest < 0 ? -static_cast<double>(nearest) : static_cast<double>(nearest);
  const std::uint32_t even = ~bits & 1u;
  // Both comparisons are false for NaN, which stays as it is.
  const std::uint32_t odd = rounded > magnitude   ? bits - even
                            : rounded < magnitude ? bits + even
                                                  : bits;
  return std::bit_cast<float>(odd);
}

struct Float16 {
  std::uint16_t bits = 0;

  Float16() = default;
  constexpr explicit Float16(float value) noexcept : bits(encode(value)) {}
  constexpr explicit Float16(double value) noexcept : bits(encode(round_to_odd(value))) {}
  static constexpr Float16 from_bits(std::uint16_t bits) noexcept {
    Float16 result;
    result.bits = bits;
    return result;
  }
  constexpr explicit operator float() const noexcept { return decode(bits); }
  constexpr explicit operator double() const noexcept { return static_cast<double>(decode(bits)); }

 private:
  static constexpr float decode(std::uint16_t half) noexcept {
    constexpr std::uint32_t kRebias = (127u - 15u) << 23;
    const std::uint32_t magnitude = half & 0x7fffu;
    const std::uint32_t shifted = (magnitude << 13) + kRebias;
    // Subnormal: 2^-14 * (1 + fraction) - 2^-14, both normal floats, and the difference is exact.
    constexpr std::uint32_t kSmallestNormal = kRebias + (1u << 23);
    const float subnormal =
        std::bit_cast<float>(shifted + (1u << 23)) - std::bit_cast<float>(kSmallestNormal);
    std::uint32_t result = magnitude < 0x0400u ? std::bit_cast<std::uint32_t>(subnormal) : shifted;
    result = magnitude >= 0x7c00u ? shifted + kRebias
                                  : result;  // infinity and NaN: the largest exponent
    return std::bit_cast<float>(result | static_cast<std::uint32_t>(half & 0x8000u) << 16);
  }

  static constexpr std::uint16_t encode(float value) noexcept {
    constexpr std::uint32_t kRebias = (127u - 15u) << 23;
    constexpr std::uint32_t kTooLarge = (127u + 16u)
                                        << 23;  // 2^16: at least this is infinity or NaN
    constexpr std::uint32_t kSmallestNormal = (127u - 14u) << 23;  // 2^-14
    const auto given = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t magnitude = given & 0x7fffffffu;
    // Half of the last kept place, less one where the kept part is even; a carry runs into the
    // exponent.
    const std::uint32_t normal = (magnitude + 0x0fffu + (magnitude >> 13 & 1u) - kRebias) >> 13;
    // Below 2^-14 a float16 is a multiple of 2^-24, the last place of 0.5: the addition rounds. The
    // magnitude is limited so that the sum is never a NaN that comes to life.
    const float small = std::bit_cast<float>(magnitude < kSmallestNormal ? magnitude : 0u);
    const std::uint32_t subnormal =
        std::bit_cast<std::uint32_t>(small + 0.5F) - std::bit_cast<std::uint32_t>(0.5F);
    const std::uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x01ffu);
    const std::uint32_t large = magnitude > 0x7f800000u ? nan : 0x7c00u;
    std::uint32_t result = magnitude < kSmallestNormal ? subnormal : normal;
    result = magnitude >= kTooLarge ? large : result;
    return static_cast<std::uint16_t>(result | (given >> 16 & 0x8000u));
  }
};

struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  constexpr explicit BFloat16(float value) noexcept : bits(encode(value)) {}
  constexpr explicit BFloat16(double value) noexcept : bits(encode(round_to_odd(value))) {}
  static constexpr BFloat16 from_bits(std::uint16_t bits) noexcept {
    BFloat16 result;
    result.bits = bits;
    return result;
  }
  constexpr explicit operator float() const noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  constexpr explicit operator double() const noexcept {
    return static_cast<double>(static_cast<float>(*this));
  }

 private:
  static constexpr std::uint16_t encode(float value) noexcept {
    const auto given = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t rounded = (given + 0x7fffu + (given >> 16 & 1u)) >> 16;
    const std::uint32_t nan = given >> 16 | 0x0040u;
    return static_cast<std::uint16_t>((given & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
  }
};

static_assert(sizeof(Float16) == 2 && sizeof(BFloat16) == 2);

template <>
struct DTypeOf<Float16> {
  static constexpr DType value = DType::float16;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::bfloat16;
};

}  // namespace gavotte::internal
