// The loops of pooling, compiled for each target of Highway; the exported functions at the end choose one at run time.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/pool_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <limits>

#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/pool_rows.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

constexpr std::uint32_t kEntriesAhead = 16;  // whose rows are fetched
constexpr int kVectors = 4;                  // of sums at a time, so that their chains overlap

// Lanes of int32 beside those of d, in integers as wide as these.
template <class D>
using WideInt = hn::RebindToSigned<D>;
template <class D>
HWY_INLINE hn::Vec<WideInt<D>> load_wide(D, const std::int32_t* from) {
  const WideInt<D> wide;
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    return hn::LoadU(wide, from);
  } else {
    return hn::PromoteTo(wide, hn::LoadU(hn::Rebind<std::int32_t, D>(), from));
  }
}
template <class D>
HWY_INLINE void store_wide(D, hn::Vec<WideInt<D>> value, std::int32_t* to) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    hn::StoreU(value, WideInt<D>(), to);
  } else {
    const hn::RebindToUnsigned<D> bits;
    const hn::Rebind<std::uint32_t, D> narrow;
    const hn::Rebind<std::int32_t, D> rows;
    hn::StoreU(hn::BitCast(rows, hn::TruncateTo(narrow, hn::BitCast(bits, value))), rows, to);
  }
}

HWY_INLINE std::int64_t row_of(const std::int32_t* rows, std::int64_t i) {
  return rows != nullptr ? std::int64_t{rows[i]} : i;
}

// A row of y and its entries.
struct OwnRow {
  std::int64_t y;
  std::uint32_t begin, end;
};

// Calls body(row) for each.
template <class Body>
HWY_INLINE void for_rows(const PoolRows& args, Body&& body) {
  for (std::int64_t r = 0; r < args.rows; ++r)
    body(OwnRow{row_of(args.y_rows, args.first + r), args.begin[r], args.begin[r + 1]});
}

// The channels [c, + vectors) of a row: `start`, then take(d, sum, value, entry, row of x, channel) for each entry, then
// finish(d, sum).
template <class Storage, int vectors, class D, class Way>
HWY_INLINE void reduce(D d, const PoolRows& args, const OwnRow& row, std::int64_t c,
                       const Way& way) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<D> sums[vectors];
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) sums[v] = way.start(d);
  const std::uint32_t last = args.begin[args.rows] - 1;
  for (std::uint32_t e = row.begin; e < row.end; ++e) {
    const std::int64_t x_row = row_of(args.entries, e);
    const auto* x = elements<Storage>(args.x) + x_row * args.channels + c;
    const auto* next = elements<Storage>(args.x) + c +
                       row_of(args.entries, std::min(e + kEntriesAhead, last)) * args.channels;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) hwy::Prefetch(next + v * lanes);
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      sums[v] = way.take(d, sums[v], Storage::load(d, x + v * lanes), e, x_row, c + v * lanes);
  }
  const std::int64_t count = row.end - row.begin, at = row.y * args.channels + c;
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) {
    const auto value = count > 0 ? way.finish(d, sums[v], count) : hn::Zero(d);
    if (args.sums) {
      hn::StoreU(value, d, accumulators<Storage>(args.y) + at + v * lanes);
    } else {
      Storage::store(d, value, static_cast<typename Storage::Element*>(args.y) + at + v * lanes);
    }
  }
}

template <class Way>
HWY_INLINE void pool(const PoolRows& args, const Way& way) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    using T = typename Storage::Accumulator;
    const hn::ScalableTag<T> whole;
    const auto block = kVectors * static_cast<std::int64_t>(hn::Lanes(whole));
    for_rows(args, [&](const OwnRow& row) HWY_ATTR {
      std::int64_t c = 0;
      for (; c + block <= args.channels; c += block)
        reduce<Storage, kVectors>(whole, args, row, c, way);
      for_channels<T>(c, args.channels, [&](auto d, std::int64_t channel) HWY_ATTR {
        reduce<Storage, 1>(d, args, row, channel, way);
      });
    });
  });
}

// What reduce() does to sums and values.
struct Sum {
  template <class D>
  HWY_INLINE hn::Vec<D> start(D d) const {
    return hn::Zero(d);
  }
  template <class D, class V>
  HWY_INLINE V take(D, V sum, V value, std::uint32_t, std::int64_t, std::int64_t) const {
    return hn::Add(sum, value);
  }
  template <class D, class V>
  HWY_INLINE V finish(D, V sum, std::int64_t) const {
    return sum;
  }
};

struct Average : Sum {
  std::int64_t divisor;  // 0: the number of entries
  explicit Average(std::int64_t by) : divisor(by) {}
  template <class D, class V>
  HWY_INLINE V finish(D d, V sum, std::int64_t count) const {
    return hn::Div(sum, hn::Set(d, static_cast<hn::TFromD<D>>(divisor != 0 ? divisor : count)));
  }
};

struct SumOfQuotients : Sum {
  const void* divisors;
  explicit SumOfQuotients(const void* by) : divisors(by) {}
  template <class D, class V>
  HWY_INLINE V take(D d, V sum, V value, std::uint32_t, std::int64_t row, std::int64_t) const {
    const auto* by = static_cast<const hn::TFromD<D>*>(divisors);
    return hn::Add(sum, hn::Div(value, hn::Set(d, by[row])));
  }
};

struct SumOfWon : Sum {
  const std::int32_t *winners, *offsets;
  std::int64_t channels;
  SumOfWon(const std::int32_t* won, const std::int32_t* by, std::int64_t width)
      : winners(won), offsets(by), channels(width) {}
  template <class D, class V>
  HWY_INLINE V take(D d, V sum, V value, std::uint32_t e, std::int64_t row, std::int64_t c) const {
    const auto winner = load_wide(d, winners + row * channels + c);
    const auto won = hn::Eq(winner, hn::Set(WideInt<D>(), offsets[e]));
    return hn::IfThenElse(hn::RebindMask(d, won), hn::Add(sum, value), sum);
  }
};

struct Maximum : Sum {
  template <class D>
  HWY_INLINE hn::Vec<D> start(D d) const {
    return hn::Set(d, -std::numeric_limits<hn::TFromD<D>>::infinity());
  }
  template <class D, class V>
  HWY_INLINE V take(D, V sum, V value, std::uint32_t, std::int64_t, std::int64_t) const {
    return hn::IfThenElse(hn::Or(hn::Gt(value, sum), hn::IsNaN(value)), value, sum);
  }
};

void pool_average(const PoolRows& args, std::int64_t divisor) {
  divisor == 1 ? pool(args, Sum()) : pool(args, Average(divisor));
}
void pool_max(const PoolRows& args) { pool(args, Maximum()); }
void pool_quotients(const PoolRows& args, const void* divisors) {
  pool(args, SumOfQuotients(divisors));
}
void pool_won(const PoolRows& args, const std::int32_t* winners, const std::int32_t* offsets) {
  pool(args, SumOfWon(winners, offsets, args.channels));
}

void look_for_winners(const PoolRows& args, const std::int32_t* offsets, std::int32_t* winners) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    for_rows(args, [&](const OwnRow& row) HWY_ATTR {
      const std::int64_t at = row.y * args.channels;
      for_channels<typename Storage::Accumulator>(
          0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
            const WideInt<decltype(d)> wide;
            const auto wanted = Storage::load(d, elements<Storage>(args.y) + at + c);
            auto winner = hn::Set(wide, -1);
            for (std::uint32_t e = row.end; e-- > row.begin;) {  // the first of them stays
              const std::int64_t x_row = row_of(args.entries, e);
              const auto value =
                  Storage::load(d, elements<Storage>(args.x) + x_row * args.channels + c);
              const auto equal =
                  hn::Or(hn::Eq(value, wanted), hn::And(hn::IsNaN(value), hn::IsNaN(wanted)));
              const std::int64_t candidate = offsets != nullptr ? offsets[e] : x_row;
              winner = hn::IfThenElse(
                  hn::RebindMask(wide, equal),
                  hn::Set(wide, static_cast<hn::TFromD<decltype(wide)>>(candidate)), winner);
            }
            store_wide(d, winner, winners + at + c);
          });
    });
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(pool_average);
HWY_EXPORT(pool_max);
HWY_EXPORT(pool_quotients);
HWY_EXPORT(pool_won);
HWY_EXPORT(look_for_winners);

void average_rows(const PoolRows& args, std::int64_t divisor) {
  HWY_DYNAMIC_DISPATCH(pool_average)(args, divisor);
}
void max_rows(const PoolRows& args) { HWY_DYNAMIC_DISPATCH(pool_max)(args); }
void add_quotients(const PoolRows& args, const void* divisors) {
  HWY_DYNAMIC_DISPATCH(pool_quotients)(args, divisors);
}
void add_won(const PoolRows& args, const std::int32_t* winners, const std::int32_t* offsets) {
  HWY_DYNAMIC_DISPATCH(pool_won)(args, winners, offsets);
}
void find_winners(const PoolRows& args, const std::int32_t* offsets, std::int32_t* winners) {
  HWY_DYNAMIC_DISPATCH(look_for_winners)(args, offsets, winners);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
