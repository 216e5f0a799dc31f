// The loops of pooling, compiled for each target of Highway; the exported functions at the end choose one at run time.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/pool_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/pool_loops-inl.h"
#include "cpu/simd/pool_rows.h"
#include "cpu/simd/pool_ways-inl.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

void pool_average(const PoolRows& args, std::int64_t divisor) {
  if (args.scales != nullptr) return pool(args, OfInputs<ScaledSum>(args.scales));
  divisor == 1 ? pool(args, OfInputs<Sum>()) : pool(args, OfInputs<Average>(divisor, true));
}
void pool_max(const PoolRows& args) { pool(args, OfInputs<Maximum>()); }

template <class X, int vectors, class D, class Way>
HWY_NOINLINE void join(D d, const JoinRows& args, std::int64_t c, const Way& way) {
  constexpr std::int64_t kAhead = 16;  // rows
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* const x = elements<X>(args.x) + c;
  hn::Vec<D> sums[vectors];
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) sums[v] = way.start(d);
  for (std::int64_t i = args.first; i < args.end; ++i) {
    const auto* const row = x + row_of(args.order, i) * args.channels;
    const auto* const next =
        x + row_of(args.order, std::min(i + kAhead, args.end - 1)) * args.channels;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      hwy::Prefetch(next + v * lanes);
      sums[v] = way.take(d, sums[v], X::load(d, row + v * lanes));
    }
  }
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) hn::StoreU(sums[v], d, accumulators<X>(args.y) + c + v * lanes);
}

template <class Way>
void join_by(const JoinRows& args, const Way& way) {
  with_storage(args.dtype, [&](auto x) HWY_ATTR {
    using X = decltype(x);
    for_columns<typename X::Accumulator>(args.channels,
                                         [&]<int vectors>(auto d, std::int64_t c)
                                             HWY_ATTR { join<X, vectors>(d, args, c, way); });
  });
}
void join_sum(const JoinRows& args) { join_by(args, Sum()); }
void join_max(const JoinRows& args) { join_by(args, Maximum()); }

void divide_all(const DivideRows& args) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    using T = typename Storage::Accumulator;
    for (std::int64_t r = 0; r < args.rows; ++r) {
      const std::int64_t at = row_of(args.y_rows, args.first + r) * args.channels;
      const T divisor = static_cast<T>(args.counts != nullptr ? args.counts[r] : args.divisor);
      for_channels<T>(0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
        const auto value = Storage::load(d, elements<Storage>(args.x) + at + c);
        hn::StoreU(hn::Div(value, hn::Set(d, divisor)), d, accumulators<Storage>(args.y) + at + c);
      });
    }
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(pool_average);
HWY_EXPORT(pool_max);
HWY_EXPORT(join_sum);
HWY_EXPORT(join_max);
HWY_EXPORT(divide_all);

void average_rows(const PoolRows& args, std::int64_t divisor) {
  HWY_DYNAMIC_DISPATCH(pool_average)(args, divisor);
}
void max_rows(const PoolRows& args) { HWY_DYNAMIC_DISPATCH(pool_max)(args); }
void sum_of_rows(const JoinRows& args) { HWY_DYNAMIC_DISPATCH(join_sum)(args); }
void max_of_rows(const JoinRows& args) { HWY_DYNAMIC_DISPATCH(join_max)(args); }
void divide_rows(const DivideRows& args) { HWY_DYNAMIC_DISPATCH(divide_all)(args); }

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
