// The loops over rows of y and the lists of their inputs. Compiled once for each target.
#if defined(GAVOTTE_POOL_LOOPS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_POOL_LOOPS_INL_H
#undef GAVOTTE_POOL_LOOPS_INL_H
#else
#define GAVOTTE_POOL_LOOPS_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/pool_rows.h"
#include "cpu/simd/pool_ways-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE std::int64_t row_of(const std::int32_t* rows, std::int64_t i) {
  return rows != nullptr ? std::int64_t{rows[i]} : i;
}

// Rows that are fetched before they are made. Fetched as they are listed, a block's inputs would go through the first-level
// cache before they are needed (Xeon with AMX, 2026-11-23, 64 channels on lidar_10: 1.1 to 1.25 of that rate; 2, 4 and 16
// rows the same).
constexpr std::int64_t kAheadRows = 8;

template <int vectors, int write, class D, class Element>
HWY_INLINE void fetch_column(D d, const Element* from) {
  constexpr std::int64_t kLine = 64;
  const auto bytes = static_cast<std::int64_t>(vectors * hn::Lanes(d) * sizeof(Element));
  GAVOTTE_UNROLL
  for (std::int64_t i = 0; i < bytes; i += kLine)
    __builtin_prefetch(reinterpret_cast<const char*>(from) + i, write);
}

// Calls make(the row's first entry, how many, row of y) for all rows. X, Y: elements of both sides.
template <class X, class Y, int vectors, class D, class Way, class Make>
HWY_INLINE void for_rows(D d, const PoolRows& args, std::int64_t c, const Way& way, Make&& make) {
  const std::int64_t rows = args.rows, channels = args.channels, stride = args.stride;
  const std::int32_t *const inputs = args.inputs, *const order = args.order;
  const std::int32_t* const y_rows = args.y_rows != nullptr ? args.y_rows + args.first : nullptr;
  const std::uint32_t* const counts = args.counts;
  const auto* const x = static_cast<const X*>(args.x) + c;
  auto* const y = static_cast<Y*>(args.y) + c + (y_rows != nullptr ? 0 : args.first * channels);
  const auto fetch = [&](std::int64_t place) HWY_ATTR {
    const std::int64_t r = row_of(order, place);
    fetch_column<vectors, 1>(d, y + row_of(y_rows, r) * channels);
    const std::int32_t* input = inputs + r;
    for (std::uint32_t e = counts[r]; e > 0; --e, input += stride) {
      const std::int64_t row = *input;
      fetch_column<vectors, 0>(d, x + row * channels);
      way.template fetch<vectors>(d, row * channels + c);
    }
  };
  for (std::int64_t place = 0; place < std::min(rows, kAheadRows); ++place) fetch(place);
  for (std::int64_t place = 0; place < rows; ++place) {
    if (place + kAheadRows < rows) fetch(place + kAheadRows);
    const std::int64_t r = row_of(order, place);
    make(inputs + r, counts[r], y + row_of(y_rows, r) * channels);
  }
}

// One row: `start`, then take(d, sum, value) for each input, then finish(d, sum, inputs). X, Y: how both sides are stored.
template <class X, class Y, int vectors, class D, class Way>
HWY_INLINE void make_row(D d, const PoolRows& args, std::int64_t c, const Way& way,
                         const std::int32_t* input, std::uint32_t count, typename Y::Element* to) {
  constexpr bool by_two = kByTwo<X, Y, vectors, Way>;
  hn::Vec<D> sums[vectors], values[vectors];
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) sums[v] = way.start(d);
  for (std::uint32_t e = 0; e < count; ++e, input += args.stride) {
    way.template load<X, Y, vectors>(d, args, *input * args.channels + c, input, values);
    way.template scale<vectors>(d, *input, values);
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) sums[v] = way.take(d, sums[v], values[v]);
  }
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v)
    sums[v] = count > 0 ? way.finish(d, sums[v], count) : hn::Zero(d);
  if (way.exact(count)) {
    store_column<Y, vectors, by_two, true>(d, sums, to);
  } else {
    store_column<Y, vectors, by_two, false>(d, sums, to);
  }
}

// The channels [c, + vectors) of all rows.
template <class X, class Y, int vectors, class D, class Way>
HWY_NOINLINE void make_rows(D d, const PoolRows& call, std::int64_t c, const Way& call_way) {
  const PoolRows args = call;  // copies that no store to y changes: their members stay in registers
  const Way way = call_way;
  for_rows<typename X::Element, typename Y::Element, vectors>(
      d, args, c, way,
      [&](const std::int32_t* input, std::uint32_t count, typename Y::Element* to)
          HWY_ATTR { make_row<X, Y, vectors>(d, args, c, way, input, count, to); });
}

// As the way itself does, with values that are the inputs'.
template <class Base>
struct OfInputs : Base {
  template <class... Args>
  explicit OfInputs(Args... args) : Base(args...) {}
  template <int vectors, class D>
  HWY_INLINE void fetch(D, std::int64_t) const {}
  template <class X, class Y, int vectors, class D>
  HWY_INLINE void load(D d, const PoolRows& args, std::int64_t at, const std::int32_t*,
                       hn::Vec<D>* values) const {
    load_column<X, vectors, kByTwo<X, Y, vectors, Base>>(d, elements<X>(args.x) + at, values);
  }
};

template <class Way>
void pool(const PoolRows& args, const Way& way) {
  with_sides<Way>(args.x_dtype, args.y_dtype, [&]<class X, class Y>() HWY_ATTR {
    for_columns<typename X::Accumulator>(
        args.channels, [&]<int vectors>(auto d, std::int64_t c)
                           HWY_ATTR { make_rows<X, Y, vectors>(d, args, c, way); });
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
