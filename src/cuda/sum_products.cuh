// Bytes: P C a for the products (a bytes an accumulator), read once and in order; M C s for y.
#pragma once

#include "cuda/device/epilogue.h"
#include "cuda/device/row_lanes.h"

namespace gavotte::internal::cuda {

template <class T>
struct SumProductsArgs {
  const Accumulator<T>* products;
  const std::int64_t* begin;  ///< [M + 1]
  RowCount rows;
  std::int64_t channels, tile_channels;
  RowEpilogue<T> epilogue;
  T* y;
  RowLanes lanes;  ///< Of tile_channels / N items.
};

/// The sum of `count` rows from `from` on, one after the other.
template <int N, class A>
GAVOTTE_DEVICE Pack<A, N> sum_rows(const A* from, std::int64_t count, std::int64_t channels) {
  constexpr int kAhead = 4;  // rows on their way at a time
  Pack<A, N> sums;
  for (int n = 0; n < N; ++n) sums[n] = 0;
  std::int64_t row = 0;
  for (; row + kAhead <= count; row += kAhead) {
    Pack<A, N> ahead[kAhead];
    for (int i = 0; i < kAhead; ++i) ahead[i] = load_pack<N>(from + (row + i) * channels);
    for (int i = 0; i < kAhead; ++i)
      for (int n = 0; n < N; ++n) sums[n] = sums[n] + ahead[i][n];
  }
  for (; row < count; ++row) {
    const auto next = load_pack<N>(from + row * channels);
    for (int n = 0; n < N; ++n) sums[n] = sums[n] + next[n];
  }
  return sums;
}

template <class T, int N>
GAVOTTE_KERNEL void sum_products_kernel(SumProductsArgs<T> args, Stop stop) {
  const std::int64_t rows = args.rows.get();
  for (std::int64_t first = 0; first < args.channels; first += args.tile_channels) {
    const std::int64_t rest = args.channels - first;
    const std::int64_t tile = rest < args.tile_channels ? rest : args.tile_channels;
    for_each_row_item(args.lanes, rows, tile / N, stop, [&](std::int64_t row, std::int64_t item) {
      const std::int64_t channel = first + item * N, begin = args.begin[row];
      auto sums = sum_rows<N>(args.products + begin * args.channels + channel,
                              args.begin[row + 1] - begin, args.channels);
      finish_pack<T, N>(sums, args.epilogue, row, channel, args.channels);
      Pack<T, N> y;
      for (int n = 0; n < N; ++n) y[n] = narrow<T>(sums[n]);
      store_pack(args.y + row * args.channels + channel, y);
    });
  }
}

}  // namespace gavotte::internal::cuda
