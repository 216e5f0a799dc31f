// Loads of any floating dtype into accumulator vectors and rounded stores back. Compiled once for
// each target.
#if defined(GAVOTTE_STORAGE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_STORAGE_INL_H
#undef GAVOTTE_STORAGE_INL_H
#else
#define GAVOTTE_STORAGE_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Hardware conversions of float16 exist and round to nearest even.
#undef GAVOTTE_HARDWARE_FLOAT16
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)) || HWY_ARCH_ARM_A64
#define GAVOTTE_HARDWARE_FLOAT16 1
#else
#define GAVOTTE_HARDWARE_FLOAT16 0
#endif

template <class T>
struct PlainStorage {
  using Element = T;
  using Accumulator = T;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const Element* from) {
    return hn::LoadU(d, from);
  }
  // exact: values are elements.
  template <bool exact = false, class D>
  static HWY_INLINE void store(D d, hn::Vec<D> value, Element* to) {
    hn::StoreU(value, d, to);
  }
  // Two vectors side by side.
  template <class D>
  static HWY_INLINE void store_pair(D d, hn::Vec<D> low, hn::Vec<D> high, Element* to) {
    hn::StoreU(low, d, to);
    hn::StoreU(high, d, to + hn::Lanes(d));
  }
  // Two vectors of elements side by side, in the order of lanes that costs least; store_two() undoes it. exact: values are
  // elements.
  template <class D>
  static HWY_INLINE void load_two(D d, const Element* from, hn::Vec<D>& a, hn::Vec<D>& b) {
    a = hn::LoadU(d, from);
    b = hn::LoadU(d, from + hn::Lanes(d));
  }
  template <bool exact, class D>
  static HWY_INLINE void store_two(D d, hn::Vec<D> a, hn::Vec<D> b, Element* to) {
    store_pair(d, a, b, to);
  }
};
using Float32Storage = PlainStorage<float>;
using Float64Storage = PlainStorage<double>;

struct BFloat16Storage {
  using Element = std::uint16_t;
  using Accumulator = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const Element* from) {
    const hn::Rebind<std::uint16_t, D> d16;
    const hn::Rebind<std::uint32_t, D> d32;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, from))));
  }
  template <bool exact = false, class D>
  static HWY_INLINE void store([[maybe_unused]] D d, hn::Vec<D> value, Element* to) {
    const hn::Rebind<std::uint16_t, D> d16;
    const hn::Rebind<std::int32_t, D> d32;
    const hn::Rebind<std::uint32_t, D> bits;
    const auto upper = hn::ShiftRight<16>(exact ? hn::BitCast(bits, value) : rounded(d, value));
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(d32, upper)), d16, to);
  }
  // Two vectors side by side.
  template <class D>
  static HWY_INLINE void store_pair(D d, hn::Vec<D> low, hn::Vec<D> high, Element* to) {
#if HWY_TARGET == HWY_SCALAR
    store(d, low, to);
    store(d, high, to + 1);
#else
    const hn::Repartition<std::uint16_t, D> d16;
    const auto low16 = hn::BitCast(d16, rounded(d, low)),
               high16 = hn::BitCast(d16, rounded(d, high));
    hn::StoreU(hn::ConcatOdd(d16, high16, low16), d16, to);
#endif
  }
  // As PlainStorage's: the elements at even places, which are the lower halves of 32 bits, and those at odd ones.
  template <class D>
  static HWY_INLINE void load_two([[maybe_unused]] D d, const Element* from, hn::Vec<D>& a,
                                  hn::Vec<D>& b) {
#if HWY_TARGET == HWY_SCALAR
    a = load(d, from);
    b = load(d, from + 1);
#else
    split(d, hn::LoadU(hn::Repartition<std::uint16_t, D>(), from), a, b);
#endif
  }
#if HWY_TARGET != HWY_SCALAR
  template <class D>
  static HWY_INLINE void split(D d, hn::Vec<hn::Repartition<std::uint16_t, D>> elements,
                               hn::Vec<D>& a, hn::Vec<D>& b) {
    const hn::Rebind<std::uint32_t, D> d32;
    const auto both = hn::BitCast(d32, elements);
    a = hn::BitCast(d, hn::ShiftLeft<16>(both));
    b = hn::BitCast(d, hn::And(both, hn::Set(d32, 0xffff0000u)));
  }
#endif
  template <bool exact, class D>
  static HWY_INLINE void store_two(D d, hn::Vec<D> a, hn::Vec<D> b, Element* to) {
#if HWY_TARGET == HWY_SCALAR
    store_pair(d, a, b, to);
#else
    const hn::Repartition<std::uint16_t, D> d16;
    const hn::Rebind<std::uint32_t, D> d32;
    const auto even = exact ? hn::BitCast(d32, a) : rounded(d, a);
    const auto odd = exact ? hn::BitCast(d32, b) : rounded(d, b);
    const auto upper = hn::And(odd, hn::Set(d32, 0xffff0000u));
    hn::StoreU(hn::BitCast(d16, hn::Or(upper, hn::ShiftRight<16>(even))), d16, to);
#endif
  }

 private:
  // The upper half of each lane is the bfloat16: rounded to nearest even by adding 0x7fff plus the bit that stays lowest;
  // a NaN keeps its sign and becomes quiet.
  template <class D>
  static HWY_INLINE auto rounded([[maybe_unused]] D d, hn::Vec<D> value) {
    const hn::Rebind<std::uint32_t, D> d32;
    const auto bits = hn::BitCast(d32, value);
    const auto lowest = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1u));
    const auto nearest = hn::Add(bits, hn::Add(lowest, hn::Set(d32, 0x7fffu)));
    const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000u));
    return hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(value)), quiet, nearest);
  }
};

struct Float16Storage {
  using Element = std::uint16_t;
  using Accumulator = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const Element* from) {
    const hn::Rebind<std::uint16_t, D> d16;
    const auto half = hn::LoadU(d16, from);
#if GAVOTTE_HARDWARE_FLOAT16
    const hn::Rebind<hwy::float16_t, D> d_half;
    return hn::PromoteTo(d, hn::BitCast(d_half, half));
#else
    // The exponent is rebiased by one exact multiplication, which makes subnormals normal too;
    // infinity and NaN get their exponent by hand.
    const hn::Rebind<std::uint32_t, D> d32;
    const auto bits = hn::PromoteTo(d32, half);
    const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(d32, 0x7fffu)));
    const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(d32, 0x8000u)));
    const auto scaled = hn::BitCast(d32, hn::Mul(hn::BitCast(d, magnitude), hn::Set(d, 0x1p112F)));
    const auto special = hn::Ge(hn::BitCast(d, scaled), hn::Set(d, 65536.0F));
    const auto with_exponent = hn::Or(magnitude, hn::Set(d32, 0x7f800000u));
    return hn::BitCast(
        d, hn::Or(sign, hn::IfThenElse(hn::RebindMask(d32, special), with_exponent, scaled)));
#endif
  }
  template <bool exact = false, class D>
  static HWY_INLINE void store([[maybe_unused]] D d, hn::Vec<D> value, Element* to) {
    const hn::Rebind<std::uint16_t, D> d16;
#if GAVOTTE_HARDWARE_FLOAT16
    const hn::Rebind<hwy::float16_t, D> d_half;
    hn::StoreU(hn::BitCast(d16, hn::DemoteTo(d_half, value)), d16, to);
#else
    const hn::Rebind<std::uint32_t, D> d32;
    const hn::Rebind<std::int32_t, D> signed32;
    const auto bits = hn::BitCast(d32, value);
    const auto sign = hn::And(bits, hn::Set(d32, 0x80000000u));
    const auto magnitude = hn::Xor(bits, sign);
    // Normal results: rebias the exponent and round to nearest even on the 13 bits that go.
    const auto lowest = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d32, 1u));
    const auto rebiased = hn::Add(magnitude, hn::Set(d32, 0xc8000fffu));  // -(112 << 23) + 0xfff
    const auto normal = hn::ShiftRight<13>(hn::Add(rebiased, lowest));
    // Subnormal results: adding 0.5 lets the float addition round at the right bit.
    const auto half_value = hn::Set(d, 0.5F);
    const auto shifted = hn::Add(hn::BitCast(d, magnitude), half_value);
    const auto subnormal = hn::Sub(hn::BitCast(d32, shifted), hn::BitCast(d32, half_value));
    const auto is_small =
        hn::RebindMask(d32, hn::Lt(hn::BitCast(d, magnitude), hn::Set(d, 0x1p-14F)));
    const auto is_large =
        hn::RebindMask(d32, hn::Ge(hn::BitCast(d, magnitude), hn::Set(d, 65520.0F)));
    const auto is_nan = hn::RebindMask(d32, hn::IsNaN(value));
    auto result = hn::IfThenElse(is_small, subnormal, normal);
    result = hn::IfThenElse(is_large, hn::Set(d32, 0x7c00u), result);
    const auto payload = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d32, 0x1ffu));
    result = hn::IfThenElse(is_nan, hn::Or(payload, hn::Set(d32, 0x7e00u)), result);
    result = hn::Or(result, hn::ShiftRight<16>(sign));
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(signed32, result)), d16, to);
#endif
  }
  template <class D>
  static HWY_INLINE void store_pair(D d, hn::Vec<D> low, hn::Vec<D> high, Element* to) {
    store(d, low, to);
    store(d, high, to + hn::Lanes(d));
  }
  template <class D>
  static HWY_INLINE void load_two(D d, const Element* from, hn::Vec<D>& a, hn::Vec<D>& b) {
    a = load(d, from);
    b = load(d, from + hn::Lanes(d));
  }
  template <bool exact, class D>
  static HWY_INLINE void store_two(D d, hn::Vec<D> a, hn::Vec<D> b, Element* to) {
    store_pair(d, a, b, to);
  }
};

/// Calls body(d, c) over channels [begin, end): whole vectors, then parts of sixteen where lanes have 16 bits, of four, and
/// single lanes.
template <class T, class Body>
HWY_INLINE void for_channels(std::int64_t begin, std::int64_t end, Body&& body) {
  const hn::ScalableTag<T> whole;
  const hn::CappedTag<T, 4> four;
  const hn::CappedTag<T, 1> one;
  std::int64_t c = begin;
  for (const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole)); c + lanes <= end; c += lanes)
    body(whole, c);
  if constexpr (sizeof(T) == 2) {
    const hn::CappedTag<T, 16> sixteen;
    for (const auto lanes = static_cast<std::int64_t>(hn::Lanes(sixteen)); c + lanes <= end;
         c += lanes)
      body(sixteen, c);
  }
  for (const auto lanes = static_cast<std::int64_t>(hn::Lanes(four)); c + lanes <= end; c += lanes)
    body(four, c);
  for (; c < end; ++c) body(one, c);
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
