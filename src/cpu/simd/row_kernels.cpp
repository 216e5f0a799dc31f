// The row loops, compiled for each target of Highway; the exported functions at the end choose one
// at run time.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/row_kernels.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

constexpr std::int64_t kPrefetchRows = 8;

void gather(const GatherRows& args) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    using T = typename Storage::Accumulator;
    const std::int64_t end = args.first_channel + args.channel_count;
    for (std::int64_t j = 0; j < args.count; ++j) {
      if (args.rows != nullptr && j + kPrefetchRows < args.count)
        hwy::Prefetch(elements<Storage>(args.from) + args.rows[j + kPrefetchRows] * args.channels +
                      args.first_channel);
      const std::int64_t row = args.rows != nullptr ? args.rows[j] : j;
      const auto* from = elements<Storage>(args.from) + row * args.channels;
      T* to = accumulators<Storage>(args.to) + j * args.channels;
      for_channels<T>(args.first_channel, end, [&](auto d, std::int64_t c) HWY_ATTR {
        hn::StoreU(Storage::load(d, from + c), d, to + c);
      });
    }
  });
}

// Rows whose lines of y are fetched before they are written (EPYC, 2026-11-21, bfloat16 layers of
// lidar_10: 1.14 of the rate at 32 channels, 1.03 at 64).
constexpr std::int64_t kRowsAhead = 12;

// Rows without lists of entries: each is one row of partial. What the epilogue has is known when this is compiled, since
// branches for each vector cost more than the arithmetic (EPYC with AVX-512, 2026-11-22, bfloat16 layers of 16 and 32
// channels on lidar_10: 1.04 to 1.08 of the rate). empty: there is none. Partial: the storage of partial.
template <class Partial, class Storage, Activation activation, bool empty>
HWY_NOINLINE void finish_single(const FinishRows& call) {
  using T = typename Storage::Accumulator;
  const FinishRows args = call;  // a copy that no store to y changes: its members stay in registers
  const auto* const partial = elements<Partial>(args.partial);
  auto* const y = static_cast<typename Storage::Element*>(args.y);
  const hn::ScalableTag<T> whole;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole));
  const std::int64_t end = args.first_channel + args.channel_count;
  constexpr std::int64_t line = 64 / sizeof(*y);
  for (std::int64_t row = 0; row < args.rows; ++row) {
    if (args.y_rows != nullptr && row + kRowsAhead < args.rows) {
      const auto* next = y + args.y_rows[row + kRowsAhead] * args.channels;
      for (std::int64_t c = args.first_channel; c < end; c += line) __builtin_prefetch(next + c, 1);
    }
    const std::int64_t start = (args.y_rows != nullptr ? args.y_rows[row] : row) * args.channels;
    const std::int64_t entry = args.entries != nullptr ? args.entries[row] : row;
    const auto* from = partial + entry * args.channels;
    const auto finished = [&](auto d, std::int64_t c) HWY_ATTR {
      const auto sum = hn::Add(hn::Zero(d), Partial::load(d, from + c));
      if constexpr (empty) return sum;
      return finish<Storage, activation>(d, sum, args.epilogue, start, c);
    };
    std::int64_t c = args.first_channel;
    for (; c + 2 * lanes <= end; c += 2 * lanes)
      Storage::store_pair(whole, finished(whole, c), finished(whole, c + lanes), y + start + c);
    for_channels<T>(c, end, [&](auto d, std::int64_t channel) HWY_ATTR {
      Storage::store(d, finished(d, channel), y + start + channel);
    });
  }
}

template <class Partial, class Storage>
void finish_single(const FinishRows& args) {
  if (args.epilogue.empty()) return finish_single<Partial, Storage, Activation::none, true>(args);
  with_activation(args.epilogue.activation, [&]<Activation activation>() {
    finish_single<Partial, Storage, activation, false>(args);
  });
}

void finish_all(const FinishRows& args) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    using T = typename Storage::Accumulator;
    if (args.values) return finish_single<Storage, Storage>(args);
    if (args.entry_begin == nullptr) return finish_single<PlainStorage<T>, Storage>(args);
    const T* const partial = accumulators<Storage>(args.partial);
    auto* const y = static_cast<typename Storage::Element*>(args.y);
    const hn::ScalableTag<T> whole;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(whole));
    const std::int64_t end = args.first_channel + args.channel_count;
    for (std::int64_t row = 0; row < args.rows; ++row) {
      const std::int64_t start = (args.y_rows != nullptr ? args.y_rows[row] : row) * args.channels;
      const std::uint32_t* entry = args.entries + args.entry_begin[row];
      const std::int64_t count = args.entry_begin[row + 1] - args.entry_begin[row];
      std::int64_t c = args.first_channel;
      // Four vectors at a time, so that the additions of four chains overlap.
      for (; c + 4 * lanes <= end; c += 4 * lanes) {
        auto sum0 = hn::Zero(whole), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (std::int64_t i = 0; i < count; ++i) {
          const T* from = partial + static_cast<std::int64_t>(entry[i]) * args.channels + c;
          sum0 = hn::Add(sum0, hn::LoadU(whole, from));
          sum1 = hn::Add(sum1, hn::LoadU(whole, from + lanes));
          sum2 = hn::Add(sum2, hn::LoadU(whole, from + 2 * lanes));
          sum3 = hn::Add(sum3, hn::LoadU(whole, from + 3 * lanes));
        }
        Storage::store(whole, finish<Storage>(whole, sum0, args.epilogue, start, c), y + start + c);
        Storage::store(whole, finish<Storage>(whole, sum1, args.epilogue, start, c + lanes),
                       y + start + c + lanes);
        Storage::store(whole, finish<Storage>(whole, sum2, args.epilogue, start, c + 2 * lanes),
                       y + start + c + 2 * lanes);
        Storage::store(whole, finish<Storage>(whole, sum3, args.epilogue, start, c + 3 * lanes),
                       y + start + c + 3 * lanes);
      }
      for_channels<T>(c, end, [&](auto d, std::int64_t channel) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (std::int64_t i = 0; i < count; ++i)
          sum = hn::Add(
              sum, hn::LoadU(
                       d, partial + static_cast<std::int64_t>(entry[i]) * args.channels + channel));
        Storage::store(d, finish<Storage>(d, sum, args.epilogue, start, channel),
                       y + start + channel);
      });
    }
  });
}

void depthwise(const DepthwiseRows& args) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    using T = typename Storage::Accumulator;
    const T* weights = accumulators<Storage>(args.weights);
    const auto* x = elements<Storage>(args.x);
    T* sums = accumulators<Storage>(args.sums);
    for (std::int64_t row = 0; row < args.rows; ++row) {
      for_channels<T>(0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
        auto sum = hn::Zero(d);
        const std::int64_t entries_end = row + args.counts[row] * args.stride;
        for (std::int64_t e = row; e < entries_end; e += args.stride)
          sum = hn::MulAdd(Storage::load(d, x + args.inputs[e] * args.channels + c),
                           hn::LoadU(d, weights + args.offsets[e] * args.channels + c), sum);
        hn::StoreU(sum, d, sums + row * args.channels + c);
      });
    }
  });
}

void add_all(DType dtype, const void* x, std::int64_t rows, std::int64_t channels, void* sums) {
  with_storage(dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    using T = typename Storage::Accumulator;
    T* to = accumulators<Storage>(sums);
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto* from = elements<Storage>(x) + row * channels;
      for_channels<T>(0, channels, [&](auto d, std::int64_t c) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, to + c), Storage::load(d, from + c)), d, to + c);
      });
    }
  });
}

void multiply_add(const MultiplyAddRows& args) {
  with_storage(args.dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    using T = typename Storage::Accumulator;
    T* sums = accumulators<Storage>(args.sums);
    for (std::int64_t j = 0; j < args.count; ++j) {
      const auto* a = elements<Storage>(args.a) + args.a_rows[j] * args.channels;
      const auto* b = elements<Storage>(args.b) + args.b_rows[j] * args.channels;
      for_channels<T>(0, args.channels, [&](auto d, std::int64_t c) HWY_ATTR {
        hn::StoreU(
            hn::MulAdd(Storage::load(d, a + c), Storage::load(d, b + c), hn::LoadU(d, sums + c)), d,
            sums + c);
      });
    }
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(gather);
HWY_EXPORT(finish_all);
HWY_EXPORT(depthwise);
HWY_EXPORT(add_all);
HWY_EXPORT(multiply_add);

void gather_rows(const GatherRows& args) { HWY_DYNAMIC_DISPATCH(gather)(args); }
void finish_rows(const FinishRows& args) { HWY_DYNAMIC_DISPATCH(finish_all)(args); }
void depthwise_rows(const DepthwiseRows& args) { HWY_DYNAMIC_DISPATCH(depthwise)(args); }
void add_rows(DType dtype, const void* x, std::int64_t rows, std::int64_t channels, void* sums) {
  HWY_DYNAMIC_DISPATCH(add_all)(dtype, x, rows, channels, sums);
}
void multiply_add_rows(const MultiplyAddRows& args) { HWY_DYNAMIC_DISPATCH(multiply_add)(args); }

void apply_epilogue(DType dtype, const void* x, std::int64_t first, std::int64_t rows,
                    std::int64_t channels, const RowEpilogue& epilogue, void* y) {
  const std::int64_t skip = first * channels * size_bytes(dtype);
  FinishRows args{dtype,    static_cast<const std::byte*>(x) + skip,
                  nullptr,  nullptr,
                  rows,     channels,
                  0,        channels,
                  epilogue, static_cast<std::byte*>(y) + skip};
  args.values = true;
  if (args.epilogue.residual != nullptr)
    args.epilogue.residual = static_cast<const std::byte*>(args.epilogue.residual) + skip;
  finish_rows(args);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
