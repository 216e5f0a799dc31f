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

// As int32 of [0, 255]. Beyond 2^22 a float holds integers alone, so that adding 3 * 2^22 leaves the nearest one in the
// lowest bits, as NearestInt rounds, without what that does for values that are out of range.
template <class D>
HWY_INLINE auto rounded_bytes(D d, hn::Vec<D> value, const Rounding& rounding) {
  const hn::Rebind<std::int32_t, D> d32;
  constexpr float large = 0x1.8p23F;
  constexpr std::int32_t large_bits = 0x4b400000;
  value = hn::Mul(value, hn::Set(d, rounding.inverse));
  value = hn::IfThenZeroElse(hn::IsNaN(value), value);
  value = hn::Min(hn::Max(value, hn::Set(d, rounding.lowest)), hn::Set(d, rounding.highest));
  const auto bits = hn::BitCast(d32, hn::Add(value, hn::Set(d, large)));
  return hn::Add(bits, hn::Set(d32, rounding.zero - large_bits));
}

template <class D>
HWY_INLINE void store_bytes(D d, hn::Vec<D> value, const Rounding& rounding, std::uint8_t* to) {
  const hn::Rebind<std::uint8_t, D> d8;
  hn::StoreU(hn::DemoteTo(d8, rounded_bytes(d, value, rounding)), d8, to);
}

// Two vectors side by side, which are narrowed together.
template <class D>
HWY_INLINE void store_byte_pair(D d, hn::Vec<D> low, hn::Vec<D> high, const Rounding& rounding,
                                std::uint8_t* to) {
#if HWY_TARGET == HWY_SCALAR
  store_bytes(d, low, rounding, to);
  store_bytes(d, high, rounding, to + 1);
#else
  const hn::Repartition<std::int16_t, D> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  const auto both = hn::ConcatEven(d16, hn::BitCast(d16, rounded_bytes(d, high, rounding)),
                                   hn::BitCast(d16, rounded_bytes(d, low, rounding)));
  hn::StoreU(hn::DemoteTo(d8, both), d8, to);
#endif
}

void quantize_all(const QuantizeRows& args) {
  const Rounding rounding(args.scale);
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    if constexpr (std::is_same_v<typename Storage::Accumulator, float>) {
      const hn::ScalableTag<float> whole;
      const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole));
      for (std::int64_t row = 0; row < args.rows; ++row) {
        const auto* x = elements<Storage>(args.x) + row * args.channels;
        std::uint8_t* y = args.y + row * args.y_stride;
        std::int64_t c = 0;
        for (; c + 2 * lanes <= args.channels; c += 2 * lanes)
          store_byte_pair(whole, Storage::load(whole, x + c), Storage::load(whole, x + c + lanes),
                          rounding, y + c);
        for_channels<float>(c, args.channels, [&](auto d, std::int64_t channel) HWY_ATTR {
          store_bytes(d, Storage::load(d, x + channel), rounding, y + channel);
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

// What is written and the activation are known when this is compiled, as in finish_single of row_kernels.cpp.
template <class Storage, bool floats, bool bytes, Activation activation>
HWY_NOINLINE void finish_into(const FinishSums& call) {
  const FinishSums args = call;  // a copy that no store to y changes: its members stay in registers
  const Rounding rounding(args.scale);
  auto* const y = static_cast<typename Storage::Element*>(args.y);
  const hn::ScalableTag<float> whole;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole));
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
    const auto finished = [&](auto d, std::int64_t c) HWY_ATTR {
      const hn::Rebind<std::int32_t, decltype(d)> d32;
      auto sum =
          args.float_sums
              ? hn::LoadU(d, static_cast<const float*>(args.sums) + from + c)
              : hn::Mul(
                    hn::ConvertTo(
                        d, hn::LoadU(d32, static_cast<const std::int32_t*>(args.sums) + from + c)),
                    hn::Set(d, args.sum_scale));
      return finish<Storage, activation>(d, sum, args.epilogue, start, c);
    };
    std::int64_t c = 0;
    for (; c + 2 * lanes <= args.channels; c += 2 * lanes) {
      const auto low = finished(whole, c), high = finished(whole, c + lanes);
      if constexpr (floats) Storage::store_pair(whole, low, high, y + start + c);
      if constexpr (bytes) store_byte_pair(whole, low, high, rounding, args.bytes + start + c);
    }
    for_channels<float>(c, args.channels, [&](auto d, std::int64_t channel) HWY_ATTR {
      const auto value = finished(d, channel);
      if constexpr (floats) Storage::store(d, value, y + start + channel);
      if constexpr (bytes) store_bytes(d, value, rounding, args.bytes + start + channel);
    });
  }
}

template <class Storage, bool floats, bool bytes>
void finish_into(const FinishSums& args) {
  with_activation(args.epilogue.activation, [&]<Activation activation>() {
    finish_into<Storage, floats, bytes, activation>(args);
  });
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
