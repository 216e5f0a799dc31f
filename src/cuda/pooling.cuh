// Kernels of pooling over a kernel map, by output row: a row's inputs are read from the map's table
// in offset order, so sums and ties are those of the CPU and no two threads write one value. The
// backward pass is the same walk over the table of the map read the other way.
//
// Bytes of a pass, k inputs a row on average: M (k + 1) C s + 4 K M for the table. The floor is
// (N + M) C s + 4 k M: inputs that several outputs share come from the second-level cache.
#pragma once

#include "cuda/device/convert.h"
#include "cuda/device/pack.h"
#include "cuda/device/reduce.h"
#include "cuda/device/row_lanes.h"
#include "gavotte/pooling.h"

namespace gavotte::internal::cuda {

/// The rows that meet each row, in offset order.
struct MapTable {
  const std::int32_t* rows;  ///< [offsets, stride]: the row on the other side, or -1
  std::int64_t stride;
  int offsets;
};

/// Calls fetch(slot, other) and then visit(slot, k, other) for the rows `other` that meet `row`, in
/// offset order: a few fetches are on their way at once.
template <int Ahead, class Fetch, class Visit>
GAVOTTE_DEVICE void for_each_met(const MapTable& table, std::int64_t row, Fetch&& fetch,
                                 Visit&& visit) {
  for (int first = 0; first < table.offsets; first += Ahead) {
    std::int32_t met[Ahead];
    for (int j = 0; j < Ahead; ++j)
      met[j] = first + j < table.offsets ? table.rows[(first + j) * table.stride + row] : -1;
    for (int j = 0; j < Ahead; ++j)
      if (met[j] >= 0) fetch(j, std::int64_t{met[j]});
    for (int j = 0; j < Ahead; ++j)
      if (met[j] >= 0) visit(j, first + j, std::int64_t{met[j]});
  }
}

/// Rows that are on their way at once for each thread.
inline constexpr int kRowsAhead = 4;

template <class T>
struct PoolRowsArgs {
  const T* x;      ///< [N, channels]
  T* y;            ///< [M, channels]
  MapTable table;  ///< By output row.
  RowCount rows;   ///< M
  std::int64_t channels;
  PoolMode mode;
  RowLanes lanes;  ///< Of channels / N items.
};

template <class T, int N>
GAVOTTE_KERNEL void pool_rows_kernel(PoolRowsArgs<T> args, Stop stop) {
  using A = Accumulator<T>;
  const bool is_max = args.mode == PoolMode::max;
  for_each_row_item(
      args.lanes, args.rows.get(), args.channels / N, stop,
      [&](std::int64_t row, std::int64_t item) {
        const T* const x = args.x + item * N;
        Pack<A, N> joined = start_pack<N, A>(is_max);
        int count = 0;
        Pack<T, N> ahead[kRowsAhead] = {};
        for_each_met<kRowsAhead>(
            args.table, row,
            [&](int slot, std::int64_t in) { ahead[slot] = load_pack<N>(x + in * args.channels); },
            [&](int slot, int, std::int64_t) {
              ++count;
              join_pack(is_max, joined, ahead[slot]);
            });
        Pack<T, N> y;
        for (int i = 0; i < N; ++i) {
          A value = count > 0 ? joined[i] : A{0};
          if (args.mode == PoolMode::average_present)
            value /= static_cast<A>(count > 0 ? count : 1);
          if (args.mode == PoolMode::average_volume) value /= static_cast<A>(args.table.offsets);
          y[i] = narrow<T>(value);
        }
        store_pack(args.y + row * args.channels + item * N, y);
      });
}

struct CountInputsArgs {
  MapTable table;        ///< By output row.
  std::int32_t* counts;  ///< [M]
  RowCount rows;         ///< M
};

/// Bytes: 4 (K + 1) M.
GAVOTTE_KERNEL void count_inputs_kernel(CountInputsArgs args) {
  const std::int64_t rows = args.rows.get();
  for (std::int64_t row = grid_thread(); row < rows; row += grid_threads()) {
    std::int32_t count = 0;
    for (int k = 0; k < args.table.offsets; ++k)
      count += args.table.rows[k * args.table.stride + row] >= 0 ? 1 : 0;
    args.counts[row] = count;
  }
}

template <class T>
struct FindWinnersArgs {
  const T* x;             ///< [N, channels]
  const T* y;             ///< [M, channels]
  std::int32_t* winners;  ///< [M, channels]
  MapTable table;         ///< By output row.
  RowCount rows;          ///< M
  std::int64_t channels;
  RowLanes lanes;
};

/// For each output the first offset whose input equals it, or -1.
template <class T, int N>
GAVOTTE_KERNEL void find_winners_kernel(FindWinnersArgs<T> args) {
  for_each_row_item(
      args.lanes, args.rows.get(), args.channels / N, [&](std::int64_t row, std::int64_t item) {
        const std::int64_t at = row * args.channels + item * N;
        const T* const x = args.x + item * N;
        const Pack<T, N> y = load_pack<N>(args.y + at);
        Pack<std::int32_t, N> winners;
        for (int i = 0; i < N; ++i) winners[i] = -1;
        Pack<T, N> ahead[kRowsAhead] = {};
        for_each_met<kRowsAhead>(
            args.table, row,
            [&](int slot, std::int64_t in) { ahead[slot] = load_pack<N>(x + in * args.channels); },
            [&](int slot, int k, std::int64_t) {
              for (int i = 0; i < N; ++i)
                if (winners[i] < 0 && is_equal(ahead[slot][i], y[i])) winners[i] = k;
            });
        store_pack(args.winners + at, winners);
      });
}

template <class T>
struct PoolRowsBackwardArgs {
  const T* grad_y;              ///< [M, channels]
  T* grad_x;                    ///< [N, channels]
  const std::int32_t* winners;  ///< [M, channels]; read for max
  const std::int32_t* counts;   ///< [M]; read for average_present
  MapTable table;               ///< By input row.
  RowCount rows;                ///< N
  std::int64_t channels;
  PoolMode mode;
  RowLanes lanes;
};

template <class T, int N>
GAVOTTE_KERNEL void pool_rows_backward_kernel(PoolRowsBackwardArgs<T> args) {
  using A = Accumulator<T>;
  for_each_row_item(
      args.lanes, args.rows.get(), args.channels / N, [&](std::int64_t row, std::int64_t item) {
        const T* const grad_y = args.grad_y + item * N;
        Pack<A, N> sum = start_pack<N, A>(false);
        Pack<T, N> ahead[kRowsAhead] = {};
        for_each_met<kRowsAhead>(
            args.table, row,
            [&](int slot, std::int64_t out) {
              ahead[slot] = load_pack<N>(grad_y + out * args.channels);
            },
            [&](int slot, int k, std::int64_t out) {
              if (args.mode == PoolMode::max) {
                const auto winners = load_pack<N>(args.winners + out * args.channels + item * N);
                for (int i = 0; i < N; ++i)
                  if (winners[i] == k) sum[i] += widen(ahead[slot][i]);
              } else if (args.mode == PoolMode::sum) {
                join_pack(false, sum, ahead[slot]);
              } else {
                const A divisor = static_cast<A>(
                    args.mode == PoolMode::average_present ? args.counts[out] : args.table.offsets);
                // As the CPU does, which spares quotients of 16-bit gradients in memory.
                const A scale = A{1} / divisor;
                for (int i = 0; i < N; ++i) {
                  const A gradient = widen(ahead[slot][i]);
                  sum[i] += sizeof(T) == 2 ? gradient * scale : gradient / divisor;
                }
              }
            });
        Pack<T, N> grad_x;
        for (int i = 0; i < N; ++i) grad_x[i] = narrow<T>(sum[i]);
        store_pack(args.grad_x + row * args.channels + item * N, grad_x);
      });
}

}  // namespace gavotte::internal::cuda
