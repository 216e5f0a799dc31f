// Multiplications and additions here are rounded one by one, never fused, so that every target
// gives the same bits.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/byte_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>

#include "cpu/simd/byte_rows.h"
#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// A ByteScale in vectors' terms.
struct Rounding {
  float inverse, lowest, highest;
  std::int32_t zero;
  explicit Rounding(const ByteScale& scale)
      : inverse(1.0F / scale.scale),
        lowest(-static_cast<float>(scale.zero)),
        highest(255.0F - static_cast<float>(scale.zero)),
        zero(scale.zero) {}
};

template <class D>
HWY_INLINE void store_bytes(D d, hn::Vec<D> value, const Rounding& rounding, std::uint8_t* to) {
  const hn::Rebind<std::int32_t, D> d32;
  const hn::Rebind<std::uint8_t, D> d8;
  value = hn::Mul(value, hn::Set(d, rounding.inverse));
  value = hn::IfThenZeroElse(hn::IsNaN(value), value);
  value = hn::Min(hn::Max(value, hn::Set(d, rounding.lowest)), hn::Set(d, rounding.highest));
  const auto whole = hn::Add(hn::NearestInt(value), hn::Set(d32, rounding.zero));
  hn::StoreU(hn::DemoteTo(d8, whole), d8, to);
}

void quantize_all(const QuantizeRows& args) {
  const Rounding rounding(args.scale);
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    if constexpr (std::is_same_v<typename Storage::Accumulator, float>) {
      for (std::int64_t row = 0; row < args.rows; ++row) {
        const auto* x = elements<Storage>(args.x) + row * args.channels;
        std::uint8_t* y = args.y + row * args.y_stride;
        for_channels<float>(0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
          store_bytes(d, Storage::load(d, x + c), rounding, y + c);
        });
      }
    }
  });
}

float largest_of(DType dtype, const void* values, std::int64_t count, std::uint8_t zero) {
  float largest = 0;
  with_storage(dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    if constexpr (std::is_same_v<typename Storage::Accumulator, float>) {
      const auto* x = elements<Storage>(values);
      const hn::ScalableTag<float> whole;
      auto most = hn::Zero(whole);
      const auto magnitude = [zero](auto d, auto value) HWY_ATTR {
        value = hn::IfThenZeroElse(hn::IsNaN(value), value);
        return zero == 0 ? hn::Max(value, hn::Zero(d)) : hn::Abs(value);
      };
      std::int64_t i = 0;
      for (const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole)); i + lanes <= count;
           i += lanes)
        most = hn::Max(most, magnitude(whole, Storage::load(whole, x + i)));
      largest = hn::GetLane(hn::MaxOfLanes(whole, most));
      const hn::CappedTag<float, 1> one;
      for (; i < count; ++i)
        largest = std::max(largest, hn::GetLane(magnitude(one, Storage::load(one, x + i))));
    }
  });
  return largest;
}

void add_scaled(const AddScaledRows& args) {
  for (std::int64_t j = 0; j < args.count; ++j) {
    const std::int32_t* sums = args.sums + j * args.channels;
    float* y = args.y + args.y_rows[j] * args.channels;
    const float scale = args.row_scales[args.x_rows[j]];
    for_channels<float>(0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const hn::Rebind<std::int32_t, decltype(d)> d32;
      const auto sum = hn::ConvertTo(d, hn::LoadU(d32, sums + c));
      hn::StoreU(hn::Add(hn::LoadU(d, y + c), hn::Mul(sum, hn::Set(d, scale))), d, y + c);
    });
  }
}

// Rows whose lines of y are fetched before they are written, as where float sums end.
constexpr std::int64_t kRowsAhead = 12;

template <class Storage, bool floats, bool bytes>
void finish_into(const FinishSums& args) {
  const Rounding rounding(args.scale);
  auto* const y = static_cast<typename Storage::Element*>(args.y);
  constexpr std::int64_t line = 64 / sizeof(*y);
  for (std::int64_t row = 0; row < args.rows; ++row) {
    if (args.y_rows != nullptr && row + kRowsAhead < args.rows) {
      const std::int64_t next = args.y_rows[row + kRowsAhead] * args.channels;
      if constexpr (floats)
        for (std::int64_t c = 0; c < args.channels; c += line) __builtin_prefetch(y + next + c, 1);
      if constexpr (bytes)
        for (std::int64_t c = 0; c < args.channels; c += 64)
          __builtin_prefetch(args.bytes + next + c, 1);
    }
    const std::int64_t start = (args.y_rows != nullptr ? args.y_rows[row] : row) * args.channels;
    const std::int64_t from = row * args.channels;
    for_channels<float>(0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const hn::Rebind<std::int32_t, decltype(d)> d32;
      auto sum =
          args.float_sums
              ? hn::LoadU(d, static_cast<const float*>(args.sums) + from + c)
              : hn::Mul(
                    hn::ConvertTo(
                        d, hn::LoadU(d32, static_cast<const std::int32_t*>(args.sums) + from + c)),
                    hn::Set(d, args.sum_scale));
      const auto value = finish<Storage>(d, sum, args.epilogue, start, c);
      if constexpr (floats) Storage::store(d, value, y + start + c);
      if constexpr (bytes) store_bytes(d, value, rounding, args.bytes + start + c);
    });
  }
}

void finish_all_sums(const FinishSums& args) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    if constexpr (std::is_same_v<typename Storage::Accumulator, float>) {
      if (args.bytes == nullptr) {
        finish_into<Storage, true, false>(args);
      } else if (args.y == nullptr) {
        finish_into<Storage, false, true>(args);
      } else {
        finish_into<Storage, true, true>(args);
      }
    }
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(quantize_all);
HWY_EXPORT(largest_of);
HWY_EXPORT(add_scaled);
HWY_EXPORT(finish_all_sums);

void quantize_rows(const QuantizeRows& args) { HWY_DYNAMIC_DISPATCH(quantize_all)(args); }
float largest_magnitude(DType dtype, const void* x, std::int64_t count, std::uint8_t zero) {
  return HWY_DYNAMIC_DISPATCH(largest_of)(dtype, x, count, zero);
}
void add_scaled_rows(const AddScaledRows& args) { HWY_DYNAMIC_DISPATCH(add_scaled)(args); }
void finish_sums(const FinishSums& args) { HWY_DYNAMIC_DISPATCH(finish_all_sums)(args); }

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
