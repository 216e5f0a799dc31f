// Channels in columns of several vectors. Compiled once for each target.
#if defined(GAVOTTE_COLUMNS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_COLUMNS_INL_H
#undef GAVOTTE_COLUMNS_INL_H
#else
#define GAVOTTE_COLUMNS_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdint>

#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body.operator()<vectors>(d, c) for columns of 4, 2 or 1 vectors, of 8 lanes, then as for_channels. Each column is a pass
/// over the rows or pairs (poolings with AVX-512, Xeon with AMX, 2026-11-23: 8 lanes make 8 channels 1.5 to 2.3 of the rate of
/// two columns of four, 24 channels 1.2 to 1.6). Of 16 bits for_channels takes more.
template <class T, class Body>
HWY_INLINE void for_columns(std::int64_t channels, Body&& body) {
  const hn::ScalableTag<T> whole;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) body.template operator()<4>(whole, c);
  for (; c + 2 * lanes <= channels; c += 2 * lanes) body.template operator()<2>(whole, c);
  for (; c + lanes <= channels; c += lanes) body.template operator()<1>(whole, c);
  if constexpr (sizeof(T) >= 4) {
    const hn::CappedTag<T, 8> eight;
    for (const auto count = static_cast<std::int64_t>(hn::Lanes(eight));
         count > 4 && c + count <= channels; c += count)
      body.template operator()<1>(eight, c);
  }
  for_channels<T>(c, channels, [&](auto d, std::int64_t channel) HWY_ATTR {
    body.template operator()<1>(d, channel);
  });
}

/// The same for rows of Storage that are written, with body.operator()<vectors, stream>(d, c). Columns that are not made of
/// whole lines are not written past the caches, which would read the lines first.
template <class Storage, class Body>
HWY_INLINE void for_stored_columns(std::int64_t channels, bool stream, Body&& body) {
  constexpr std::int64_t kLine = 64;
  constexpr auto size = static_cast<std::int64_t>(sizeof(typename Storage::Element));
  for_columns<typename Storage::Accumulator>(
      channels, [&]<int vectors>(auto d, std::int64_t c) HWY_ATTR {
        const auto bytes = vectors * static_cast<std::int64_t>(hn::Lanes(d)) * size;
        if (stream && bytes % kLine == 0 && channels * size % kLine == 0)
          return body.template operator()<vectors, true>(d, c);
        body.template operator()<vectors, false>(d, c);
      });
}

// Elements of memory, as they are, in vectors of as many lanes as D.
template <class Storage, class D>
using Bits = hn::Rebind<hwy::MakeUnsigned<typename Storage::Element>, D>;
template <class Storage>
using BitsOf = hwy::MakeUnsigned<typename Storage::Element>;

// A column of a row, as it is in memory; from and to are aligned where it is written past the caches.
template <class Storage, int vectors, bool stream, class D>
HWY_INLINE void copy_column(D, const typename Storage::Element* from,
                            typename Storage::Element* to) {
  const Bits<Storage, D> bits;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(bits));
  const auto* const from_bits = reinterpret_cast<const BitsOf<Storage>*>(from);
  auto* const to_bits = reinterpret_cast<BitsOf<Storage>*>(to);
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) {
    const auto value = hn::LoadU(bits, from_bits + v * lanes);
    if constexpr (stream) {
      hn::Stream(value, bits, to_bits + v * lanes);
    } else {
      hn::StoreU(value, bits, to_bits + v * lanes);
    }
  }
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
