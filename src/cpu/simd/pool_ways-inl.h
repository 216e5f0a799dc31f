// What poolings do to the values that a row is made from. Compiled once for each target.
#if defined(GAVOTTE_POOL_WAYS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_POOL_WAYS_INL_H
#undef GAVOTTE_POOL_WAYS_INL_H
#else
#define GAVOTTE_POOL_WAYS_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <limits>
#include <type_traits>

#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Sum {
  static constexpr bool kNarrows = true;  // float32 is pooled into 16 bits too
  static constexpr bool kExact = false;   // what comes out is an input
  static constexpr bool kLooksAtLabels = false;
  // Whether results depend on how many inputs a row has; else one without inputs is what finish() makes of start(): 0.
  static constexpr bool counts() { return false; }
  template <class D>
  HWY_INLINE hn::Vec<D> start(D d) const {
    return hn::Zero(d);
  }
  template <class X, class D>
  HWY_INLINE hn::Vec<D> value(D d, const typename X::Element* x, std::int64_t) const {
    return X::load(d, x);
  }
  template <class D, class V>
  HWY_INLINE V take(D, V sum, V value) const {
    return hn::Add(sum, value);
  }
  template <class D, class V>
  HWY_INLINE V finish(D, V sum, std::int64_t) const {
    return sum;
  }
};

struct Average : Sum {
  static constexpr bool kNarrows = false;
  std::int64_t divisor;  // 0: the number of inputs
  explicit Average(std::int64_t by) : divisor(by) {}
  bool counts() const { return divisor == 0; }
  template <class D, class V>
  HWY_INLINE V finish(D d, V sum, std::int64_t count) const {
    return hn::Div(sum, hn::Set(d, static_cast<hn::TFromD<D>>(divisor != 0 ? divisor : count)));
  }
};

struct Maximum : Sum {
  static constexpr bool kNarrows = false, kExact = true;
  static constexpr bool counts() { return true; }  // without inputs it is 0
  template <class D>
  HWY_INLINE hn::Vec<D> start(D d) const {
    return hn::Set(d, -std::numeric_limits<hn::TFromD<D>>::infinity());
  }
  template <class D, class V>
  HWY_INLINE V take(D, V sum, V value) const {
#if HWY_ARCH_X86 && HWY_TARGET < HWY_EMU128
    const V larger = hn::Max(value, sum);  // sum, where they are equal or one is NaN
#else
    const V larger = hn::IfThenElse(hn::Gt(value, sum), value, sum);
#endif
    return hn::IfThenElse(hn::IsNaN(value), value, larger);
  }
};

/// Calls body.operator()<X, Y>() for how inputs and results are stored: alike, or float32 and 16 bits where the way allows it.
template <class Way, class Body>
void with_sides(DType x_dtype, DType y_dtype, Body&& body) {
  with_storage(x_dtype, [&](auto x) HWY_ATTR {
    using X = decltype(x);
    if (y_dtype == x_dtype) return body.template operator()<X, X>();
    if constexpr (std::is_same_v<X, Float32Storage> && Way::kNarrows) {
      y_dtype == DType::float16 ? body.template operator()<X, Float16Storage>()
                                : body.template operator()<X, BFloat16Storage>();
    }
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
