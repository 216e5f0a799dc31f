#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/make_keys.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "cpu/simd/make_keys.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

bool make_keys(const std::int32_t* values, std::int64_t rows, const KeySum& sum,
               std::uint32_t* keys) {
  const hn::ScalableTag<std::uint32_t> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  // Negative values are right modulo 2^32.
  const auto* const columns = reinterpret_cast<const std::uint32_t*>(values);
  std::int64_t i = 0;
  for (; i + lanes <= rows; i += lanes) {
    hn::Vec<decltype(d)> batch, x, y, z;
    hn::LoadInterleaved4(d, columns + 4 * i, batch, x, y, z);
    const auto high =
        hn::Add(hn::Mul(batch, hn::Set(d, sum.factors[0])), hn::Mul(x, hn::Set(d, sum.factors[1])));
    const auto low =
        hn::Add(hn::Mul(y, hn::Set(d, sum.factors[2])), hn::Mul(z, hn::Set(d, sum.factors[3])));
    hn::StoreU(hn::Add(hn::Add(high, low), hn::Set(d, sum.start)), d, keys + i);
  }
  for (; i < rows; ++i) {
    keys[i] = sum.start;
    for (std::size_t c = 0; c < 4; ++c)
      keys[i] += columns[4 * i + static_cast<std::int64_t>(c)] * sum.factors[c];
  }
  for (i = 1; i + lanes <= rows; i += lanes)
    if (!hn::AllTrue(d, hn::Lt(hn::LoadU(d, keys + i - 1), hn::LoadU(d, keys + i)))) return false;
  for (; i < rows; ++i)
    if (!(keys[i - 1] < keys[i])) return false;
  return true;
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(make_keys);

bool make_keys(const std::int32_t* values, std::int64_t rows, const KeySum& sum,
               std::uint32_t* keys) {
  return HWY_DYNAMIC_DISPATCH(make_keys)(values, rows, sum, keys);
}

}  // namespace gavotte::internal::cpu
#endif
