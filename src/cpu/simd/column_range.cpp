// The table as one run of numbers, as many vectors at a time as there are columns: then a lane of
// each of them stands for the same column throughout.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/column_range.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>

#include "cpu/simd/column_range.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <std::size_t kColumns>
void widen(const std::int32_t* values, std::int64_t rows, std::int32_t* lower,
           std::int32_t* upper) {
  const hn::CappedTag<std::int32_t, 16> d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN std::int32_t low[16 * kColumns];
  HWY_ALIGN std::int32_t high[16 * kColumns];
  for (std::size_t i = 0; i < kColumns * lanes; ++i) {
    low[i] = lower[i % kColumns];
    high[i] = upper[i % kColumns];
  }
  for (; rows >= static_cast<std::int64_t>(lanes); rows -= static_cast<std::int64_t>(lanes)) {
    for (std::size_t v = 0; v < kColumns; ++v) {
      const auto value = hn::LoadU(d, values + v * lanes);
      hn::Store(hn::Min(hn::Load(d, low + v * lanes), value), d, low + v * lanes);
      hn::Store(hn::Max(hn::Load(d, high + v * lanes), value), d, high + v * lanes);
    }
    values += kColumns * lanes;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * kColumns; ++i) {
    low[i] = std::min(low[i], values[i]);
    high[i] = std::max(high[i], values[i]);
  }
  for (std::size_t i = 0; i < kColumns * lanes; ++i) {
    lower[i % kColumns] = std::min(lower[i % kColumns], low[i]);
    upper[i % kColumns] = std::max(upper[i % kColumns], high[i]);
  }
}

void widen_range(const std::int32_t* values, std::int64_t rows, int columns, std::int32_t* lower,
                 std::int32_t* upper) {
  if (columns == 2) widen<2>(values, rows, lower, upper);
  if (columns == 3) widen<3>(values, rows, lower, upper);
  if (columns == 4) widen<4>(values, rows, lower, upper);
  if (columns == 5) widen<5>(values, rows, lower, upper);
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(widen_range);

void widen_range(const std::int32_t* values, std::int64_t rows, int columns, std::int32_t* lower,
                 std::int32_t* upper) {
  HWY_DYNAMIC_DISPATCH(widen_range)(values, rows, columns, lower, upper);
}

}  // namespace gavotte::internal::cpu
#endif
