// Which inputs are the maxima, and what gradients they get; compiled for each target of Highway.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/pool_winners.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/comparable-inl.h"
#include "cpu/simd/pool_loops-inl.h"
#include "cpu/simd/pool_rows.h"
#include "cpu/simd/pool_ways-inl.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// Labels beside lanes of d, in integers as wide as these.
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
    if constexpr (sizeof(hn::TFromD<D>) <= 4) {
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

// Values are 0 where another input has won.
template <class Label>
struct SumOfWon : Sum {
  static constexpr bool kNarrows = false, kInOrder = sizeof(Label) != 1;
  Winners won;
  const Label* winners;
  explicit SumOfWon(const Winners& by) : won(by), winners(static_cast<const Label*>(by.winners)) {}
  template <int vectors, class D>
  HWY_INLINE void fetch(D d, std::int64_t at) const {
    fetch_column<vectors, 0>(d, winners + at);
  }
  template <class X, class Y, int vectors, class D>
  HWY_INLINE void load(D d, const PoolRows& args, std::int64_t at, const std::int32_t* input,
                       hn::Vec<D>* values) const {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto* const x = elements<X>(args.x) + at;
    const std::int32_t label = won.labels[input - args.inputs];
#if HWY_TARGET != HWY_SCALAR
    if constexpr (kByTwo<X, Y, vectors, SumOfWon> && std::is_same_v<X, BFloat16Storage>) {
      const hn::Repartition<std::uint16_t, D> bits;
      const hn::Rebind<Label, decltype(bits)> labels;
      const auto wanted = hn::Set(bits, static_cast<std::uint16_t>(label));
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; v += 2) {
        const auto winner = hn::PromoteTo(bits, hn::LoadU(labels, winners + at + v * lanes));
        X::split(d, hn::IfThenElseZero(hn::Eq(winner, wanted), hn::LoadU(bits, x + v * lanes)),
                 values[v], values[v + 1]);
      }
      return;
    }
#endif
    const auto wanted = hn::Set(WideInt<D>(), label);
    load_column<X, vectors, kByTwo<X, Y, vectors, SumOfWon>>(d, x, values);
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      const auto is_won = hn::Eq(load_wide(d, winners + at + v * lanes), wanted);
      values[v] = hn::IfThenElseZero(hn::RebindMask(d, is_won), values[v]);
    }
  }
};

void pool_won(const PoolRows& args, const Winners& won) {
  won.bytes ? pool(args, SumOfWon<std::uint8_t>(won)) : pool(args, SumOfWon<std::int32_t>(won));
}

// Elements that become values, beside whose lanes there is room for labels of 32 bits.
template <class Storage>
struct ComparableConverted : Storage {
  template <class D>
  using Wanted = typename ComparableValues<typename Storage::Accumulator>::template Wanted<D>;
};

// Winners of the channels [c, + vectors): the inputs are looked at from the last to the first, which stays.
template <class Comparable, class Label, int vectors, class D>
HWY_NOINLINE void look_for(D d, const PoolRows& call, std::int64_t c, const Winners& call_won) {
  using Element = typename Comparable::Element;
  using Wide = hn::RebindToSigned<D>;
  constexpr int kNone = sizeof(Label) == 1 ? kNoByteLabel : -1;
  const PoolRows args = call;
  const Winners won = call_won;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* const x = elements<Comparable>(args.x) + c;
  for_rows<Element, Element, vectors>(
      d, args, c, OfInputs<Sum>(),
      [&](const std::int32_t* input, std::uint32_t count, Element* y) HWY_ATTR {
        auto* const winners = static_cast<Label*>(won.winners) + (y - elements<Comparable>(args.y));
        GAVOTTE_UNROLL
        for (int v = 0; v < vectors; ++v) {
          const typename Comparable::template Wanted<D> wanted(d,
                                                               Comparable::load(d, y + v * lanes));
          auto winner = hn::Set(Wide(), kNone);
          for (std::int64_t e = count; e-- > 0;) {
            const std::int32_t* const entry = input + e * args.stride;
            const auto equal =
                wanted.equals(d, Comparable::load(d, x + *entry * args.channels + v * lanes));
            const auto label = static_cast<hn::TFromD<Wide>>(won.labels[entry - args.inputs]);
            winner = hn::IfThenElse(hn::RebindMask(Wide(), equal), hn::Set(Wide(), label), winner);
          }
          store_wide(d, winner, winners + v * lanes);
        }
      });
}

template <class Comparable, class Label>
void look_for_all(const PoolRows& args, const Winners& won) {
  for_columns<typename Comparable::Accumulator>(
      args.channels, [&]<int vectors>(auto d, std::int64_t c)
                         HWY_ATTR { look_for<Comparable, Label, vectors>(d, args, c, won); });
}

void look_for_winners(const PoolRows& args, const Winners& won) {
  if (won.bytes) {
    with_comparable(args.x_dtype, [&](auto comparable) HWY_ATTR {
      look_for_all<decltype(comparable), std::uint8_t>(args, won);
    });
  } else {
    with_storage(args.x_dtype, [&](auto storage) HWY_ATTR {
      look_for_all<ComparableConverted<decltype(storage)>, std::int32_t>(args, won);
    });
  }
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(pool_won);
HWY_EXPORT(look_for_winners);

void add_won(const PoolRows& args, const Winners& won) {
  HWY_DYNAMIC_DISPATCH(pool_won)(args, won);
}
void find_winners(const PoolRows& args, const Winners& won) {
  HWY_DYNAMIC_DISPATCH(look_for_winners)(args, won);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
