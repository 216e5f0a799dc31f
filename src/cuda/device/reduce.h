// How pooling joins values: sums, and maxima with the CPU's rules for NaN and ties.
#pragma once

#include <limits>

#include "cuda/device/convert.h"
#include "cuda/device/pack.h"

namespace gavotte::internal::cuda {

/// What a reduction starts from.
template <class A>
GAVOTTE_DEVICE A start_value(bool is_max) {
  return is_max ? -std::numeric_limits<A>::infinity() : A{0};
}

/// Sum; or the larger: NaN where either is NaN, of equals the one that was there.
template <class A>
GAVOTTE_DEVICE A join_values(bool is_max, A joined, A value) {
  if (!is_max) return joined + value;
  return ((value > joined) | (value != value)) ? value : joined;
}

template <int N, class A>
GAVOTTE_DEVICE Pack<A, N> start_pack(bool is_max) {
  Pack<A, N> joined;
  for (int i = 0; i < N; ++i) joined[i] = start_value<A>(is_max);
  return joined;
}

template <int N, class T>
GAVOTTE_DEVICE void join_pack(bool is_max, Pack<Accumulator<T>, N>& joined,
                              const Pack<T, N>& values) {
  for (int i = 0; i < N; ++i) joined[i] = join_values(is_max, joined[i], widen(values[i]));
}

/// NaN being equal to NaN.
template <class T>
GAVOTTE_DEVICE bool is_equal(T a, T b) {
  const Accumulator<T> x = widen(a), y = widen(b);
  return (x == y) | ((x != x) & (y != y));
}

}  // namespace gavotte::internal::cuda
