// A block of rows: their sums begin, take the inputs of each offset in turn, and become rows of y.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/receive_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/pool_ways-inl.h"
#include "cpu/simd/receive_rows.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// Bytes of rows that are fetched before they are needed (EPYC, 2026-11-23, maximum of 16 channels of float32: 1.4 of the rate
// of 2 KiB on random_1000000, 0.95 on scenes that stay in a cache; 8 KiB is slower on both).
constexpr std::int64_t kAheadBytes = 4096;

template <int vectors, class D>
HWY_INLINE void begin_sums(D d, hn::TFromD<D>* sums, std::int64_t rows, hn::Vec<D> start) {
  // Four vectors at a time, where the room is: of single ones the compiler makes a call of memset, which takes twice as long.
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < rows * vectors * lanes; i += 4 * lanes) {
    GAVOTTE_UNROLL
    for (int v = 0; v < 4; ++v) hn::StoreU(start, d, sums + i + v * lanes);
  }
}

// The pairs of a run that belong to the rows; returns how many they are.
template <class X, class Y, int vectors, bool ranked, class D, class Way>
HWY_INLINE std::int64_t take_run(D d, const ReceiveRows& args, const ReceiveRun& run,
                                 std::int64_t c, std::uint32_t* counts, const Way& way) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t width = vectors * lanes, channels = args.channels;
  const std::int32_t *const from = run.from, *const to = run.to, *const rank = args.rank;
  const std::int64_t count = run.count, first = args.first, rows = args.rows;
  const auto* const x = elements<X>(args.x) + c;
  auto* const sums = static_cast<hn::TFromD<D>*>(args.sums);
  const auto place_of = [=](std::int64_t j) { return (ranked ? rank[to[j]] : to[j]) - first; };
  const auto take = [&](std::int64_t j) HWY_ATTR {
    const std::int64_t place = place_of(j), input_row = from[j];
    if (counts != nullptr) way.count(counts[place]);
    hn::Vec<D> values[vectors];
    load_column<X, vectors, kByTwo<X, Y, vectors, Way>>(d, x + input_row * channels, values);
    way.template scale<vectors>(d, input_row, values);
    auto* const sum = sums + place * width;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      hn::StoreU(way.take(d, hn::LoadU(d, sum + v * lanes), values[v]), d, sum + v * lanes);
  };
  // One pair at a time: of a loop of several the rest would be another branch without a pattern, and runs are short (Xeon with
  // AMX, 2026-11-23, 3x3x3, 16 channels: 0.9 to 0.95 of the rate).
  std::int64_t j = 0;
  if (args.fetch) {
    constexpr std::int64_t kLine = 64;
    const auto bytes = width * static_cast<std::int64_t>(sizeof(typename X::Element));
    const std::int64_t ahead = kAheadBytes / bytes, fetched = std::min(count, run.listed - ahead);
    for (; j < fetched && place_of(j) < rows; ++j) {
      const auto* const next = x + std::int64_t{from[j + ahead]} * channels;
      GAVOTTE_UNROLL
      for (std::int64_t i = 0; i < bytes; i += kLine)
        __builtin_prefetch(reinterpret_cast<const char*>(next) + i);
      take(j);
    }
  }
  for (; j < count && place_of(j) < rows; ++j) take(j);
  return j;
}

// The channels [c, + vectors) of a block. X, Y: how both sides are stored.
template <class X, class Y, int vectors, bool stream, class D, class Way>
HWY_NOINLINE void receive_column(D d, const ReceiveRows& call, std::int64_t c,
                                 const Way& call_way) {
  using T = hn::TFromD<D>;
  using Element = typename Y::Element;
  const ReceiveRows args = call;  // copies that no store changes: their members stay in registers
  const Way way = call_way;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  T* const sums = static_cast<T*>(args.sums);
  begin_sums<vectors>(d, sums, args.rows, way.start(d));
  const bool counts = way.counts();
  std::uint32_t* const counted = counts && c == 0 ? args.counts : nullptr;
  for (std::int64_t k = 0; k < args.offsets; ++k)
    args.runs[k].taken =
        args.rank != nullptr
            ? take_run<X, Y, vectors, true>(d, args, args.runs[k], c, counted, way)
            : take_run<X, Y, vectors, false>(d, args, args.runs[k], c, counted, way);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    T* const sum = sums + r * vectors * lanes;
    const std::uint32_t count = counts ? args.counts[r] : 1;
    hn::Vec<D> values[vectors];
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      values[v] = count > 0 ? way.finish(d, hn::LoadU(d, sum + v * lanes), count) : hn::Zero(d);
    const std::int64_t place = args.first + r;
    const std::int64_t row = args.order != nullptr ? std::int64_t{args.order[place]} : place;
    auto* const y = static_cast<Element*>(args.y) + row * args.channels + c;
    auto* const to = stream ? reinterpret_cast<Element*>(sum) : y;
    store_column<Y, vectors, kByTwo<X, Y, vectors, Way>, Way::kExact>(d, values, to);
    if constexpr (stream) copy_column<Y, vectors, stream>(d, to, y);
  }
}

template <class Way>
void receive(const ReceiveRows& args, const Way& way) {
  with_sides<Way>(args.x_dtype, args.y_dtype, [&]<class X, class Y>() HWY_ATTR {
    constexpr auto size = static_cast<std::int64_t>(sizeof(typename X::Accumulator));
    ReceiveRows block = args;
    const std::int64_t end = args.first + args.rows;
    for (; block.first < end; block.first += block.rows) {
      block.rows = std::min(kReceiverBytes / (args.channels * size), end - block.first);
      if (way.counts()) std::fill_n(block.counts, block.rows, 0U);
      for_stored_columns<Y>(args.channels, args.stream,
                            [&]<int vectors, bool stream>(auto d, std::int64_t c) HWY_ATTR {
                              receive_column<X, Y, vectors, stream>(d, block, c, way);
                            });
      for (std::int64_t k = 0; k < args.offsets; ++k) {
        ReceiveRun& run = args.runs[k];
        run = {run.from + run.taken, run.to + run.taken, run.count - run.taken,
               run.listed - run.taken};
      }
    }
  });
  if (args.stream) hwy::FlushStream();
}

void receive_all_average(const ReceiveRows& args, std::int64_t divisor) {
  if (args.scales != nullptr) return receive(args, ScaledSum(args.scales));
  divisor == 1 ? receive(args, Sum()) : receive(args, Average(divisor));
}
void receive_all_max(const ReceiveRows& args) { receive(args, Maximum()); }

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(receive_all_average);
HWY_EXPORT(receive_all_max);

void receive_average(const ReceiveRows& args, std::int64_t divisor) {
  HWY_DYNAMIC_DISPATCH(receive_all_average)(args, divisor);
}
void receive_max(const ReceiveRows& args) { HWY_DYNAMIC_DISPATCH(receive_all_max)(args); }

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
