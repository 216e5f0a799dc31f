// A few neighbouring values that are loaded and stored at once, 16 bytes an access where there are
// as many.
#pragma once

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

inline constexpr int kPackBytes = 16;

template <class T, int N>
struct alignas(N * sizeof(T) < kPackBytes ? N * sizeof(T) : kPackBytes) Pack {
  T items[N];
  GAVOTTE_HOST_DEVICE T& operator[](int i) { return items[i]; }
  GAVOTTE_HOST_DEVICE const T& operator[](int i) const { return items[i]; }
};

/// `from` is aligned as the pack is.
template <int N, class T>
GAVOTTE_DEVICE Pack<T, N> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, N>*>(from);
}
template <int N, class T>
GAVOTTE_DEVICE void store_pack(T* to, const Pack<T, N>& pack) {
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

}  // namespace gavotte::internal::cuda
