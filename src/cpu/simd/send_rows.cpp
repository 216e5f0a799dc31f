// What a column of a block's rows sends is made first and stays in a fast cache; then it goes out, offset after offset.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/send_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/epilogue-inl.h"
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

// store(where in a column, made(r, vector of x)) for the channels [c, + vectors) of each row r of the block.
template <class Storage, int vectors, class D, class Made, class Store>
HWY_INLINE void make_sent(D d, const SendRows& args, std::int64_t c, Made&& made, Store&& store) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* const x = elements<Storage>(args.x) + c;
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::int64_t place = args.first + r;
    const std::int64_t row = args.order != nullptr ? std::int64_t{args.order[place]} : place;
    const auto* const from = x + row * args.channels;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      store(r * vectors * lanes + v * lanes, made(r, Storage::load(d, from + v * lanes)));
  }
}

template <class Storage, int vectors, bool stream, class D>
HWY_NOINLINE void send_column(D d, const SendRows& call, std::int64_t c,
                              const std::uint32_t* counts, std::int64_t divisor) {
  using Element = typename Storage::Element;
  using T = hn::TFromD<D>;
  const SendRows args = call;  // a copy that no store changes: its members stay in registers
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t width = vectors * lanes;
  auto* const sent = static_cast<Element*>(args.sent);
  make_sent<Storage, vectors>(
      d, args, c,
      [&](std::int64_t r, hn::Vec<D> value) HWY_ATTR {
        const auto by = hn::Set(d, static_cast<T>(counts != nullptr ? counts[r] : divisor));
        return hn::Div(hn::Add(value, hn::Zero(d)), by);  // as a sum: of -0 that is 0
      },
      [&](std::int64_t at, hn::Vec<D> value) HWY_ATTR { Storage::store(d, value, sent + at); });
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
template <class Storage, int vectors, bool stream, class D>
HWY_NOINLINE void send_column_to_first_equal(D d, const SendRows& call, std::int64_t c,
                                             const void* inputs, const void* outputs) {
  using Element = typename Storage::Element;
  using T = hn::TFromD<D>;
  const SendRows args = call;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t width = vectors * lanes;
  auto* const left = static_cast<T*>(args.sent);
  // Not on the stack: g++ 12 does not align that for whole vectors under AddressSanitizer.
  auto* const part = reinterpret_cast<Element*>(left + args.rows * width);
  make_sent<Storage, vectors>(
      d, args, c,
      [&](std::int64_t, hn::Vec<D> value) HWY_ATTR { return hn::Add(value, hn::Zero(d)); },
      [&](std::int64_t at, hn::Vec<D> value) HWY_ATTR { hn::StoreU(value, d, left + at); });
  auto* const y = static_cast<Element*>(args.y) + c;
  const auto* const input = elements<Storage>(inputs) + c;
  const auto* const output = elements<Storage>(outputs) + c;
  for (std::int64_t k = 0; k < args.offsets; ++k) {
    for_pairs(args, args.runs[k], width * static_cast<std::int64_t>(sizeof(Element)),
              [&](std::int64_t place, std::int64_t sender, std::int64_t row,
                  std::int64_t ahead) HWY_ATTR {
                if constexpr (!stream) fetch<vectors, Storage>(d, y + ahead * args.channels);
                fetch<vectors, Storage>(d, input + ahead * args.channels);
                Element* const to = stream ? part : y + row * args.channels;
                GAVOTTE_UNROLL
                for (int v = 0; v < vectors; ++v) {
                  const auto value = Storage::load(d, input + row * args.channels + v * lanes);
                  const auto wanted = Storage::load(d, output + sender * args.channels + v * lanes);
                  const auto equal =
                      hn::Or(hn::Eq(value, wanted), hn::And(hn::IsNaN(value), hn::IsNaN(wanted)));
                  T* const rest = left + place * width + v * lanes;
                  const auto gradient = hn::LoadU(d, rest);
                  hn::StoreU(hn::IfThenZeroElse(equal, gradient), d, rest);
                  Storage::store(d, hn::IfThenElseZero(equal, gradient), to + v * lanes);
                }
                if constexpr (stream)
                  copy_column<Storage, vectors, stream>(d, part, y + row * args.channels);
              });
  }
}

// Calls body.operator()<Storage, vectors, stream>(d, c) for columns.
template <class Body>
void for_send_columns(const SendRows& args, Body&& body) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    for_stored_columns<Storage>(args.channels, args.stream,
                                [&]<int vectors, bool stream>(auto d, std::int64_t c) HWY_ATTR {
                                  body.template operator()<Storage, vectors, stream>(d, c);
                                });
  });
  if (args.stream) hwy::FlushStream();
}

void send_all(const SendRows& args, const std::uint32_t* counts, std::int64_t divisor) {
  for_send_columns(
      args, [&]<class Storage, int vectors, bool stream>(auto d, std::int64_t c)
                HWY_ATTR { send_column<Storage, vectors, stream>(d, args, c, counts, divisor); });
}

void send_first(const SendRows& args, const void* inputs, const void* outputs) {
  for_send_columns(
      args, [&]<class Storage, int vectors, bool stream>(auto d, std::int64_t c) HWY_ATTR {
        send_column_to_first_equal<Storage, vectors, stream>(d, args, c, inputs, outputs);
      });
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
