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
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Sum {
  static constexpr bool kNarrows = true;  // float32 is pooled into 16 bits too
  static constexpr bool kExact = false;   // what comes out is an input,
  bool exact(std::uint32_t count) const { return count <= 1; }  // or is of so many of them
  static constexpr bool kInOrder = false;  // lanes of values are channels in their order
  // Whether results depend on how many inputs a row has; else one without inputs is what finish() makes of start(): 0.
  static constexpr bool counts() { return false; }
  static void count(std::uint32_t& inputs) { ++inputs; }
  template <class D>
  HWY_INLINE hn::Vec<D> start(D d) const {
    return hn::Zero(d);
  }
  template <int vectors, class D>
  HWY_INLINE void scale(D, std::int64_t, hn::Vec<D>*) const {}  // values of a row of x
  template <class D, class V>
  HWY_INLINE V take(D, V sum, V value) const {
    return hn::Add(sum, value);
  }
  template <class D, class V>
  HWY_INLINE V finish(D, V sum, std::int64_t) const {
    return sum;
  }
};

// Of gradients of 16 bits over numbers of inputs: they are multiplied by inverses as they are taken, which spares quotients of
// float32 in memory (Xeon with AMX, 2026-11-23, 3x3x3 on lidar_10, 64 channels of bfloat16: 1.44 to 1.55 of the rate).
struct ScaledSum : Sum {
  static constexpr bool kNarrows = false;
  const float* scales;  // of rows of x
  explicit ScaledSum(const float* by) : scales(by) {}
  static constexpr bool exact(std::uint32_t count) { return count == 0; }
  template <int vectors, class D>
  HWY_INLINE void scale(D d, std::int64_t row, hn::Vec<D>* values) const {
    const auto by = hn::Set(d, static_cast<hn::TFromD<D>>(scales[row]));
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) values[v] = hn::Mul(values[v], by);
  }
};

struct Average : Sum {
  static constexpr bool kNarrows = false;
  std::int64_t divisor;  // 0: the number of inputs
  bool alike;            // rows with as many inputs come one after another
  explicit Average(std::int64_t by, bool rows_alike = false) : divisor(by), alike(rows_alike) {}
  bool exact(std::uint32_t count) const { return count <= 1 && divisor <= 1; }
  bool counts() const { return divisor == 0; }
  template <class D, class V>
  HWY_INLINE V finish(D d, V sum, std::int64_t count) const {
    using T = hn::TFromD<D>;
    const std::int64_t by = divisor != 0 ? divisor : count;
    // The inverse of a power of two is exact, and the product the quotient, which would wait for the divider: half of the time
    // of a row of bfloat16. A branch that follows no pattern would cost as much.
    if ((alike || divisor != 0) && (by & (by - 1)) == 0)
      return hn::Mul(sum, hn::Set(d, T{1} / static_cast<T>(by)));
    return hn::Div(sum, hn::Set(d, static_cast<T>(by)));
  }
};

struct Maximum : Sum {
  static constexpr bool kNarrows = false, kExact = true;
  static constexpr bool exact(std::uint32_t) { return true; }
  static constexpr bool counts() { return true; }  // without inputs it is 0
  static void count(std::uint32_t& inputs) { inputs = 1; }
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

// Whether two vectors of a column are loaded and stored at a time, in the order of lanes that costs least.
template <class X, class Y, int vectors, class Way>
constexpr bool kByTwo = vectors % 2 == 0 && std::is_same_v<X, Y> && !Way::kInOrder;

template <class X, int vectors, bool by_two, class D>
HWY_INLINE void load_column(D d, const typename X::Element* from, hn::Vec<D>* values) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; v += 1 + by_two) {
    if constexpr (by_two) {
      X::load_two(d, from + v * lanes, values[v], values[v + 1]);
    } else {
      values[v] = X::load(d, from + v * lanes);
    }
  }
}
template <class Y, int vectors, bool by_two, bool exact, class D>
HWY_INLINE void store_column(D d, const hn::Vec<D>* values, typename Y::Element* to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; v += 1 + by_two) {
    if constexpr (by_two) {
      Y::template store_two<exact>(d, values[v], values[v + 1], to + v * lanes);
    } else {
      Y::template store<exact>(d, values[v], to + v * lanes);
    }
  }
}

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
