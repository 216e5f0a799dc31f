// Elements of any floating dtype, which are compared as they are in memory: those of 16 bits by their bits, in as many lanes.
// Compiled once for each target.
#if defined(GAVOTTE_COMPARABLE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_COMPARABLE_INL_H
#undef GAVOTTE_COMPARABLE_INL_H
#else
#define GAVOTTE_COMPARABLE_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "cpu/simd/storage-inl.h"
#include "gavotte/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct ComparableValues : PlainStorage<T> {
  // As a sum with 0: of -0 that is 0, and a NaN becomes quiet.
  template <class D>
  static HWY_INLINE hn::Vec<D> added_to_zero(D d, hn::Vec<D> value) {
    return hn::Add(value, hn::Zero(d));
  }
  // Values that others are compared with, NaN being equal to NaN.
  template <class D>
  class Wanted {
   public:
    HWY_INLINE Wanted(D d, hn::Vec<D> value)
        : value_(value), nan_(!hn::AllFalse(d, hn::IsNaN(value))) {}
    HWY_INLINE hn::Mask<D> equals(D, hn::Vec<D> other) const {
      const auto equal = hn::Eq(other, value_);
      if (!nan_) return equal;
      return hn::Or(equal, hn::And(hn::IsNaN(other), hn::IsNaN(value_)));
    }

   private:
    hn::Vec<D> value_;
    bool nan_;  // of any lane
  };
};

// infinity: its bits.
template <std::uint16_t infinity>
struct ComparableBits : PlainStorage<std::uint16_t> {
  template <class D>
  static HWY_INLINE hn::Vec<D> added_to_zero(D d, hn::Vec<D> bits) {
    constexpr auto kQuiet = static_cast<std::uint16_t>((infinity & -infinity) >> 1);
    const auto quiet = hn::IfThenElse(is_nan(d, bits), hn::Or(bits, hn::Set(d, kQuiet)), bits);
    return hn::IfThenZeroElse(is_zero(d, bits), quiet);
  }
  template <class D>
  class Wanted {
   public:
    HWY_INLINE Wanted(D d, hn::Vec<D> bits)
        : kept_(hn::IfThenElse(is_zero(d, bits), hn::Set(d, kMagnitude), hn::Set(d, kAll))),
          bits_(hn::And(bits, kept_)),
          nan_(!hn::AllFalse(d, is_nan(d, bits))) {}
    HWY_INLINE hn::Mask<D> equals(D d, hn::Vec<D> other) const {
      const auto equal = hn::Eq(hn::And(other, kept_), bits_);
      if (!nan_) return equal;
      return hn::Or(equal, hn::And(is_nan(d, other), is_nan(d, bits_)));
    }

   private:
    hn::Vec<D> kept_, bits_;  // zeros are compared without their signs
    bool nan_;
  };

 private:
  static constexpr std::uint16_t kMagnitude = 0x7fff, kAll = 0xffff;
  template <class D>
  static HWY_INLINE hn::Mask<D> is_nan(D d, hn::Vec<D> bits) {
    return hn::Gt(hn::And(bits, hn::Set(d, kMagnitude)), hn::Set(d, infinity));
  }
  template <class D>
  static HWY_INLINE hn::Mask<D> is_zero(D d, hn::Vec<D> bits) {
    return hn::Eq(hn::Add(bits, bits), hn::Zero(d));
  }
};

constexpr std::uint16_t kInfinityOfFloat16 = 0x7c00, kInfinityOfBFloat16 = 0x7f80;

// Calls body(Comparable{}) for the dtype.
template <class Body>
void with_comparable(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::float64:
      return body(ComparableValues<double>{});
    case DType::float16:
      return body(ComparableBits<kInfinityOfFloat16>{});
    case DType::bfloat16:
      return body(ComparableBits<kInfinityOfBFloat16>{});
    default:
      return body(ComparableValues<float>{});
  }
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
