// Channels in columns of several vectors. Compiled once for each target.
#if defined(GAVOTTE_COLUMNS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_COLUMNS_INL_H
#undef GAVOTTE_COLUMNS_INL_H
#else
#define GAVOTTE_COLUMNS_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body.operator()<vectors>(d, c) for columns of 4, 2 or 1 vectors.
template <class T, class Body>
HWY_INLINE void for_columns(std::int64_t channels, Body&& body) {
  const hn::ScalableTag<T> whole;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) body.template operator()<4>(whole, c);
  for (; c + 2 * lanes <= channels; c += 2 * lanes) body.template operator()<2>(whole, c);
  for_channels<T>(c, channels, [&](auto d, std::int64_t channel) HWY_ATTR {
    body.template operator()<1>(d, channel);
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
