// What is done to a finished value: activation(scale * r + shift + residual), in the accumulator's
// type, in the order of operations of the CPU's. Every convolution ends with it and the element-wise
// operation is it, so fused and separate forms agree.
#pragma once

#include <cmath>

#include "cuda/device/convert.h"
#include "cuda/device/pack.h"
#include "gavotte/convolution.h"

namespace gavotte::internal::cuda {

/// An Epilogue as kernels read it, for rows of T.
template <class T>
struct RowEpilogue {
  using A = Accumulator<T>;
  const A* scale = nullptr;     ///< [C]; null = 1
  const A* shift = nullptr;     ///< [C]; null = 0
  const T* residual = nullptr;  ///< [M, C]; null = 0
  Activation activation = Activation::none;
  A negative_slope = 0;

  static RowEpilogue from(const Epilogue& epilogue) {
    return {static_cast<const A*>(epilogue.scale.data), static_cast<const A*>(epilogue.shift.data),
            static_cast<const T*>(epilogue.residual.data), epilogue.activation,
            static_cast<A>(epilogue.negative_slope)};
  }
};

/// NaN passes through every activation.
template <class A>
GAVOTTE_DEVICE A activate(A value, Activation activation, A negative_slope) {
  switch (activation) {
    case Activation::relu:
      return value < A{0} ? A{0} : value;
    case Activation::leaky_relu:
      return value < A{0} ? value * negative_slope : value;
    case Activation::sigmoid:
      return A{1} / (A{1} + std::exp(-value));
    default:
      return value;
  }
}

/// The value at row `row` and channel `channel` of [M, channels].
template <class T>
GAVOTTE_DEVICE Accumulator<T> finish(Accumulator<T> value, const RowEpilogue<T>& epilogue,
                                     std::int64_t row, std::int64_t channel,
                                     std::int64_t channels) {
  if (epilogue.scale != nullptr) value = value * epilogue.scale[channel];
  if (epilogue.shift != nullptr) value = value + epilogue.shift[channel];
  if (epilogue.residual != nullptr)
    value = value + load_as_float(epilogue.residual + row * channels + channel);
  return activate(value, epilogue.activation, epilogue.negative_slope);
}

/// The same for the N channels from `channel` on; all addresses are aligned to packs.
template <class T, int N>
GAVOTTE_DEVICE void finish_pack(Pack<Accumulator<T>, N>& values, const RowEpilogue<T>& epilogue,
                                std::int64_t row, std::int64_t channel, std::int64_t channels) {
  if (epilogue.scale != nullptr) {
    const auto scale = load_pack<N>(epilogue.scale + channel);
    for (int i = 0; i < N; ++i) values[i] = values[i] * scale[i];
  }
  if (epilogue.shift != nullptr) {
    const auto shift = load_pack<N>(epilogue.shift + channel);
    for (int i = 0; i < N; ++i) values[i] = values[i] + shift[i];
  }
  if (epilogue.residual != nullptr) {
    const auto residual = load_pack<N>(epilogue.residual + row * channels + channel);
    for (int i = 0; i < N; ++i) values[i] = values[i] + widen(residual[i]);
  }
  for (int i = 0; i < N; ++i)
    values[i] = activate(values[i], epilogue.activation, epilogue.negative_slope);
}

}  // namespace gavotte::internal::cuda
