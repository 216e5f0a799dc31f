// The loops of pooling, compiled for each target of Highway; the exported functions at the end choose one at run time.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/pool_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/pool_rows.h"
#include "cpu/simd/pool_ways-inl.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// Labels beside lanes of d, in integers as wide as these; bytes from and to memory are read and written as lanes of int32.
template <class D>
using WideInt = hn::RebindToSigned<D>;
template <class Label, class D>
HWY_INLINE hn::Vec<WideInt<D>> load_wide(D, const Label* from) {
  const hn::Rebind<std::int32_t, D> words;
  const auto load = [&]() HWY_ATTR {
    if constexpr (sizeof(Label) == 4) {
      return hn::LoadU(words, from);
    } else {
      return hn::PromoteTo(words, hn::LoadU(hn::Rebind<Label, D>(), from));
    }
  };
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    return load();
  } else {
    return hn::PromoteTo(WideInt<D>(), load());
  }
}
template <class Label, class D>
HWY_INLINE void store_wide(D, hn::Vec<WideInt<D>> value, Label* to) {
  const hn::Rebind<std::int32_t, D> words;
  const auto narrowed = [&]() HWY_ATTR {
    if constexpr (sizeof(hn::TFromD<D>) == 4) {
      return value;
    } else {
      const hn::RebindToUnsigned<D> bits;
      const hn::Rebind<std::uint32_t, D> narrow;
      return hn::BitCast(words, hn::TruncateTo(narrow, hn::BitCast(bits, value)));
    }
  };
  if constexpr (sizeof(Label) == 4) {
    hn::StoreU(narrowed(), words, to);
  } else {
    const hn::Rebind<Label, D> bytes;
    hn::StoreU(hn::DemoteTo(bytes, narrowed()), bytes, to);
  }
}

HWY_INLINE std::int64_t row_of(const std::int32_t* rows, std::int64_t i) {
  return rows != nullptr ? std::int64_t{rows[i]} : i;
}

// The channels [c, + vectors) of all rows: `start`, then take(d, sum, value) for each input, `value` where that needs to be
// known, then finish(d, sum). X, Y: how both sides are stored.
template <class X, class Y, int vectors, class D, class Way>
HWY_NOINLINE void reduce(D d, const PoolRows& call, std::int64_t c, const Way& call_way) {
  const PoolRows args = call;  // copies that no store to y changes: their members stay in registers
  const Way way = call_way;
  constexpr bool by_two = vectors % 2 == 0 && std::is_same_v<X, Y> && !Way::kLooksAtLabels;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::uint32_t round_up = args.filled ? kInputStep - 1 : 0, mask = ~round_up;
  auto* const y = static_cast<typename Y::Element*>(args.y) + c;
  const std::int64_t stride = args.stride;
  for (std::int64_t r = 0; r < args.rows; ++r) {
    hn::Vec<D> sums[vectors];
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) sums[v] = way.start(d);
    const auto take = [&](const std::byte* const* input) HWY_ATTR {
      const auto* x = elements<X>(*input) + c;
      hn::Vec<D> values[vectors];
      if constexpr (by_two) {
        GAVOTTE_UNROLL
        for (int v = 0; v < vectors; v += 2)
          X::load_two(d, x + v * lanes, values[v], values[v + 1]);
      } else {
        GAVOTTE_UNROLL
        for (int v = 0; v < vectors; ++v)
          values[v] = way.template value<X>(d, x + v * lanes, input - args.inputs);
      }
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) sums[v] = way.take(d, sums[v], values[v]);
    };
    const std::uint32_t count = args.counts[r];
    const std::uint32_t taken = (count + round_up) & mask;
    const std::byte* const* input = args.inputs + r;
    std::uint32_t e = 0;
    for (; e + kInputStep <= taken; e += kInputStep, input += kInputStep * stride) {
      take(input);
      take(input + stride);
      take(input + 2 * stride);
      take(input + 3 * stride);
    }
    for (; e < taken; ++e, input += stride) take(input);
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      sums[v] = count > 0 ? way.finish(d, sums[v], count) : hn::Zero(d);
    auto* const to = y + row_of(args.y_rows, args.first + r) * args.channels;
    if constexpr (by_two) {
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; v += 2)
        Y::template store_two<Way::kExact>(d, sums[v], sums[v + 1], to + v * lanes);
    } else {
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) Y::store(d, sums[v], to + v * lanes);
    }
  }
}

template <class Way>
void pool(const PoolRows& args, const Way& way) {
  with_sides<Way>(args.x_dtype, args.y_dtype, [&]<class X, class Y>() HWY_ATTR {
    for_columns<typename X::Accumulator>(args.channels,
                                         [&]<int vectors>(auto d, std::int64_t c)
                                             HWY_ATTR { reduce<X, Y, vectors>(d, args, c, way); });
  });
}

template <class Label>
struct SumOfWon : Sum {
  static constexpr bool kNarrows = false, kLooksAtLabels = true;
  Winners won;
  const Label* winners;
  explicit SumOfWon(const Winners& by) : won(by), winners(static_cast<const Label*>(by.winners)) {}
  template <class X, class D>
  HWY_INLINE hn::Vec<D> value(D d, const typename X::Element* x, std::int64_t slot) const {
    const auto winner = load_wide(d, winners + (x - elements<X>(won.x)));
    const auto is_won = hn::Eq(winner, hn::Set(WideInt<D>(), won.labels[slot]));
    return hn::IfThenElseZero(hn::RebindMask(d, is_won), X::load(d, x));
  }
};

void pool_average(const PoolRows& args, std::int64_t divisor) {
  divisor == 1 ? pool(args, Sum()) : pool(args, Average(divisor));
}
void pool_max(const PoolRows& args) { pool(args, Maximum()); }
void pool_won(const PoolRows& args, const Winners& won) {
  won.bytes ? pool(args, SumOfWon<std::uint8_t>(won)) : pool(args, SumOfWon<std::int32_t>(won));
}

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

template <class Label>
void look_for(const PoolRows& args, const Winners& won) {
  constexpr int kNone = sizeof(Label) == 1 ? kNoByteLabel : -1;
  auto* const winners = static_cast<Label*>(won.winners);
  with_storage(args.x_dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    for (std::int64_t r = 0; r < args.rows; ++r) {
      const std::int64_t at = row_of(args.y_rows, args.first + r) * args.channels;
      const std::int64_t end = r + args.counts[r] * args.stride;
      for_channels<typename Storage::Accumulator>(
          0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
            const WideInt<decltype(d)> wide;
            const auto wanted = Storage::load(d, elements<Storage>(args.y) + at + c);
            auto winner = hn::Set(wide, kNone);
            for (std::int64_t slot = end - args.stride; slot >= r; slot -= args.stride) {
              // the first of them stays
              const auto value = Storage::load(d, elements<Storage>(args.inputs[slot]) + c);
              const auto equal =
                  hn::Or(hn::Eq(value, wanted), hn::And(hn::IsNaN(value), hn::IsNaN(wanted)));
              const auto label = static_cast<hn::TFromD<decltype(wide)>>(won.labels[slot]);
              winner = hn::IfThenElse(hn::RebindMask(wide, equal), hn::Set(wide, label), winner);
            }
            store_wide(d, winner, winners + at + c);
          });
    }
  });
}

void look_for_winners(const PoolRows& args, const Winners& won) {
  won.bytes ? look_for<std::uint8_t>(args, won) : look_for<std::int32_t>(args, won);
}

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
HWY_EXPORT(pool_won);
HWY_EXPORT(look_for_winners);
HWY_EXPORT(join_sum);
HWY_EXPORT(join_max);
HWY_EXPORT(divide_all);

void average_rows(const PoolRows& args, std::int64_t divisor) {
  HWY_DYNAMIC_DISPATCH(pool_average)(args, divisor);
}
void max_rows(const PoolRows& args) { HWY_DYNAMIC_DISPATCH(pool_max)(args); }
void add_won(const PoolRows& args, const Winners& won) {
  HWY_DYNAMIC_DISPATCH(pool_won)(args, won);
}
void find_winners(const PoolRows& args, const Winners& won) {
  HWY_DYNAMIC_DISPATCH(look_for_winners)(args, won);
}
void sum_of_rows(const JoinRows& args) { HWY_DYNAMIC_DISPATCH(join_sum)(args); }
void max_of_rows(const JoinRows& args) { HWY_DYNAMIC_DISPATCH(join_max)(args); }
void divide_rows(const DivideRows& args) { HWY_DYNAMIC_DISPATCH(divide_all)(args); }

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
