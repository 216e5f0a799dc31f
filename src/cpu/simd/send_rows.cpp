// What a column of a block's rows sends is made first and stays in a fast cache; then it goes out, offset after offset.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/send_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/comparable-inl.h"
#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/pool_ways-inl.h"
#include "cpu/simd/send_rows.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// Bytes of rows that are fetched before they are needed (EPYC, 2026-11-22, maximum of 16 channels on sphere_512: 1.4 of the
// rate of 512 bytes; the same where all is in a cache).
constexpr std::int64_t kAheadBytes = 2048;

template <int vectors, class Storage, class D>
HWY_INLINE void fetch(D d, const typename Storage::Element* from) {
  constexpr std::int64_t kLine = 64;
  const auto bytes = static_cast<std::int64_t>(vectors * hn::Lanes(d) * sizeof(*from));
  GAVOTTE_UNROLL
  for (std::int64_t i = 0; i < bytes; i += kLine)
    __builtin_prefetch(reinterpret_cast<const char*>(from) + i, 1);
}

// Calls visit(the place in the block, the sender's row, the receiver's, one some pairs later) for the pairs of a run.
template <class Visit>
HWY_INLINE void for_pairs(const SendRows& args, const SendRun& run, std::int64_t row_bytes,
                          Visit&& visit) {
  const std::int64_t ahead = kAheadBytes / row_bytes;
  const std::int32_t *const from = run.from, *const to = run.to, *const rank = args.rank;
  const std::int64_t count = run.count, first = args.first;
  for (std::int64_t j = 0; j < count; ++j) {
    const std::int64_t row = from[j];
    visit((rank != nullptr ? std::int64_t{rank[row]} : row) - first, row, std::int64_t{to[j]},
          std::int64_t{to[std::min(j + ahead, count - 1)]});
  }
}

// Calls make(place in the block, row of x) for each row of the block.
template <class Make>
HWY_INLINE void for_senders(const SendRows& args, Make&& make) {
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::int64_t place = args.first + r;
    make(r, args.order != nullptr ? std::int64_t{args.order[place]} : place);
  }
}

// Gradients of 16 bits are multiplied by the inverse (ScaledSum). Of others an exact inverse gives the quotient without waiting
// for the divider; a branch for that pays where rows have several vectors.
template <class Storage, int vectors, class D>
HWY_INLINE hn::Vec<D> quotient(D d, hn::Vec<D> value, std::uint32_t by) {
  using T = hn::TFromD<D>;
  const T divisor = static_cast<T>(by);
  const bool inverse =
      sizeof(typename Storage::Element) == 2 || (vectors > 1 && (by & (by - 1)) == 0);
  return inverse ? hn::Mul(value, hn::Set(d, T{1} / divisor)) : hn::Div(value, hn::Set(d, divisor));
}

template <class Storage, int vectors, bool stream, class D>
HWY_NOINLINE void send_column(D d, const SendRows& call, std::int64_t c,
                              const std::uint32_t* counts, std::int64_t divisor) {
  using Element = typename Storage::Element;
  constexpr bool by_two = vectors % 2 == 0;
  const SendRows args = call;  // a copy that no store changes: its members stay in registers
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t width = vectors * lanes;
  auto* const sent = static_cast<Element*>(args.sent);
  const auto* const x = elements<Storage>(args.x) + c;
  const bool copies = counts == nullptr && divisor == 1;
  for_senders(args, [&](std::int64_t r, std::int64_t row) HWY_ATTR {
    hn::Vec<D> values[vectors];
    load_column<Storage, vectors, by_two>(d, x + row * args.channels, values);
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      values[v] = hn::Add(values[v], hn::Zero(d));  // of -0 that is 0
    Element* const to = sent + r * width;
    if (copies) return store_column<Storage, vectors, by_two, true>(d, values, to);
    const auto by = counts != nullptr ? counts[r] : static_cast<std::uint32_t>(divisor);
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) values[v] = quotient<Storage, vectors>(d, values[v], by);
    store_column<Storage, vectors, by_two, false>(d, values, to);
  });
  auto* const y = static_cast<Element*>(args.y) + c;
  for (std::int64_t k = 0; k < args.offsets; ++k) {
    for_pairs(args, args.runs[k], width * static_cast<std::int64_t>(sizeof(Element)),
              [&](std::int64_t place, std::int64_t, std::int64_t row, std::int64_t ahead) HWY_ATTR {
                if constexpr (!stream) fetch<vectors, Storage>(d, y + ahead * args.channels);
                copy_column<Storage, vectors, stream>(d, sent + place * width,
                                                      y + row * args.channels);
              });
  }
}

// What is left of a row's gradient is sent: nothing once the first equal input has got it.
template <class Comparable, int vectors, bool stream, class D>
HWY_NOINLINE void send_column_to_first_equal(D d, const SendRows& call, std::int64_t c,
                                             const void* inputs, const void* outputs) {
  using Element = typename Comparable::Element;
  const SendRows args = call;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t width = vectors * lanes;
  auto* const left = static_cast<Element*>(args.sent);
  // Not on the stack: g++ 12 does not align that for whole vectors under AddressSanitizer.
  auto* const part = left + args.rows * width;
  const auto* const x = elements<Comparable>(args.x) + c;
  for_senders(args, [&](std::int64_t r, std::int64_t row) HWY_ATTR {
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      const auto value = hn::LoadU(d, x + row * args.channels + v * lanes);
      hn::StoreU(Comparable::added_to_zero(d, value), d, left + r * width + v * lanes);
    }
  });
  auto* const y = static_cast<Element*>(args.y) + c;
  const auto* const input = elements<Comparable>(inputs) + c;
  const auto* const output = elements<Comparable>(outputs) + c;
  for (std::int64_t k = 0; k < args.offsets; ++k) {
    for_pairs(args, args.runs[k], width * static_cast<std::int64_t>(sizeof(Element)),
              [&](std::int64_t place, std::int64_t sender, std::int64_t row, std::int64_t ahead)
                  HWY_ATTR {
                    if constexpr (!stream) fetch<vectors, Comparable>(d, y + ahead * args.channels);
                    fetch<vectors, Comparable>(d, input + ahead * args.channels);
                    Element* const to = stream ? part : y + row * args.channels;
                    GAVOTTE_UNROLL
                    for (int v = 0; v < vectors; ++v) {
                      const auto value = hn::LoadU(d, input + row * args.channels + v * lanes);
                      const typename Comparable::template Wanted<D> wanted(
                          d, hn::LoadU(d, output + sender * args.channels + v * lanes));
                      const auto equal = wanted.equals(d, value);
                      Element* const rest = left + place * width + v * lanes;
                      const auto gradient = hn::LoadU(d, rest);
                      hn::StoreU(hn::IfThenZeroElse(equal, gradient), d, rest);
                      hn::StoreU(hn::IfThenElseZero(equal, gradient), d, to + v * lanes);
                    }
                    if constexpr (stream)
                      copy_column<Comparable, vectors, stream>(d, part, y + row * args.channels);
                  });
  }
}

void send_all(const SendRows& args, const std::uint32_t* counts, std::int64_t divisor) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    for_stored_columns<Storage>(
        args.channels, args.stream, [&]<int vectors, bool stream>(auto d, std::int64_t c) HWY_ATTR {
          send_column<Storage, vectors, stream>(d, args, c, counts, divisor);
        });
  });
  if (args.stream) hwy::FlushStream();
}

void send_first(const SendRows& args, const void* inputs, const void* outputs) {
  with_comparable(args.dtype, [&](auto comparable) HWY_ATTR {
    using Comparable = decltype(comparable);
    for_stored_columns<Comparable>(
        args.channels, args.stream, [&]<int vectors, bool stream>(auto d, std::int64_t c) HWY_ATTR {
          send_column_to_first_equal<Comparable, vectors, stream>(d, args, c, inputs, outputs);
        });
  });
  if (args.stream) hwy::FlushStream();
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(send_all);
HWY_EXPORT(send_first);

void send_quotients(const SendRows& args, const std::uint32_t* counts, std::int64_t divisor) {
  HWY_DYNAMIC_DISPATCH(send_all)(args, counts, divisor);
}
void send_to_first_equal(const SendRows& args, const void* inputs, const void* outputs) {
  HWY_DYNAMIC_DISPATCH(send_first)(args, inputs, outputs);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
