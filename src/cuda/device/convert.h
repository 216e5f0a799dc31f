// From the stored types to what kernels compute in, and back: float for 16-bit and 32-bit values,
// double for double. Rounds once, to nearest, ties to even, as src/half.h does; by the hardware's
// instruction under nvcc, by src/half.h in the emulator.
//
// NaN stays NaN. The instructions give every NaN the same bits, where src/half.h keeps sign and
// payload.
#pragma once

#include <type_traits>

#include "cuda/device/kernel.h"
#include "dispatch.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace gavotte::internal::cuda {

template <class T>
inline constexpr bool is_16_bit = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

/// The value in its accumulator's type; exact.
template <class T>
GAVOTTE_DEVICE Accumulator<T> widen(T value) {
#ifdef __CUDACC__
  if constexpr (std::is_same_v<T, Float16>) return __half2float(__ushort_as_half(value.bits));
#endif
  return static_cast<Accumulator<T>>(value);
}

/// The T nearest to a float.
template <class T>
GAVOTTE_DEVICE T narrow(float value) {
#ifdef __CUDACC__
  if constexpr (std::is_same_v<T, Float16>)
    return Float16::from_bits(__half_as_ushort(__float2half_rn(value)));
  else if constexpr (std::is_same_v<T, BFloat16>)
    return BFloat16::from_bits(__bfloat16_as_ushort(__float2bfloat16_rn(value)));
  else
#endif
    return static_cast<T>(value);
}

/// The T nearest to a double: rounded once, to 16 bits too.
template <class T>
GAVOTTE_DEVICE T narrow(double value) {
  if constexpr (is_16_bit<T>)
    return narrow<T>(round_to_odd(value));
  else
    return static_cast<T>(value);
}

template <class T>
GAVOTTE_DEVICE Accumulator<T> load_as_float(const T* from) {
  return widen(*from);
}
template <class T>
GAVOTTE_DEVICE void store_from_float(T* to, Accumulator<T> value) {
  *to = narrow<T>(value);
}

}  // namespace gavotte::internal::cuda
