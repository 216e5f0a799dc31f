// Kernels of the element-wise operations: each value is read once and written once, in accesses of
// 16 bytes where widths and addresses allow.
#pragma once

#include "cuda/device/convert.h"
#include "cuda/device/epilogue.h"
#include "cuda/device/pack.h"
#include "cuda/device/row_lanes.h"
#include "gavotte/sparse_ops.h"

namespace gavotte::internal::cuda {

template <class T>
struct ApplyEpilogueArgs {
  const T* x;  ///< [M, channels]
  T* y;        ///< [M, channels]; may be x
  RowCount rows;
  std::int64_t channels;
  RowEpilogue<T> epilogue;
  RowLanes lanes;  ///< Of channels / N items.
};

/// Bytes: 2 M C s, and M C s for a residual.
template <class T, int N>
GAVOTTE_KERNEL void apply_epilogue_kernel(ApplyEpilogueArgs<T> args, Stop stop) {
  for_each_row_item(args.lanes, args.rows.get(), args.channels / N, stop,
                    [&](std::int64_t row, std::int64_t item) {
                      const std::int64_t channel = item * N;
                      const std::int64_t at = row * args.channels + channel;
                      const Pack<T, N> x = load_pack<N>(args.x + at);
                      Pack<Accumulator<T>, N> values;
                      // A sum that starts from 0, as the rows of a convolution do: -0 becomes 0.
                      for (int i = 0; i < N; ++i) values[i] = Accumulator<T>{0} + widen(x[i]);
                      finish_pack<T, N>(values, args.epilogue, row, channel, args.channels);
                      Pack<T, N> y;
                      for (int i = 0; i < N; ++i) y[i] = narrow<T>(values[i]);
                      store_pack(args.y + at, y);
                    });
}

/// Calls body(first, n) for this thread's share of [0, count) in runs of N; n < N in the last one.
template <int N, class Body>
GAVOTTE_DEVICE void for_each_run(std::int64_t count, const Stop& stop, Body&& body) {
  for_each_item((count + N - 1) / N, stop, [&](std::int64_t run) {
    const std::int64_t first = run * N;
    body(first, count - first < N ? static_cast<int>(count - first) : N);
  });
}

template <class T>
struct CombineElementsArgs {
  const T* a;
  const T* b;
  T* y;  ///< May be a or b.
  RowCount rows;
  std::int64_t channels;
  BinaryOp op;
};

template <class A>
GAVOTTE_DEVICE A combine_values(BinaryOp op, A a, A b) {
  if (op == BinaryOp::add) return a + b;
  return op == BinaryOp::subtract ? a - b : a * b;
}

/// Bytes: 3 M C s.
template <class T, int N>
GAVOTTE_KERNEL void combine_elements_kernel(CombineElementsArgs<T> args, Stop stop) {
  for_each_run<N>(args.rows.get() * args.channels, stop, [&](std::int64_t first, int n) {
    if (n < N) {
      for (std::int64_t i = first; i < first + n; ++i)
        store_from_float(args.y + i, combine_values(args.op, load_as_float(args.a + i),
                                                    load_as_float(args.b + i)));
      return;
    }
    const Pack<T, N> a = load_pack<N>(args.a + first);
    const Pack<T, N> b = load_pack<N>(args.b + first);
    Pack<T, N> y;
    for (int i = 0; i < N; ++i) y[i] = narrow<T>(combine_values(args.op, widen(a[i]), widen(b[i])));
    store_pack(args.y + first, y);
  });
}

template <class From, class To>
struct ConvertElementsArgs {
  const From* x;
  To* y;
  RowCount count;  ///< Of elements.
};

/// Bytes: elements * (size of From + size of To).
template <class From, class To, int N>
GAVOTTE_KERNEL void convert_elements_kernel(ConvertElementsArgs<From, To> args, Stop stop) {
  for_each_run<N>(args.count.get(), stop, [&](std::int64_t first, int n) {
    if (n < N) {
      for (std::int64_t i = first; i < first + n; ++i) args.y[i] = narrow<To>(widen(args.x[i]));
      return;
    }
    const Pack<From, N> x = load_pack<N>(args.x + first);
    Pack<To, N> y;
    for (int i = 0; i < N; ++i) y[i] = narrow<To>(widen(x[i]));
    store_pack(args.y + first, y);
  });
}

template <class Word>
struct MoveRowsArgs {
  const Word* from;
  Word* to;
  const std::int32_t* from_rows;  ///< Row of `from` for each row; null: row i.
  const std::int32_t* to_rows;    ///< Row of `to` for each row; null: row i.
  RowCount rows;
  std::int64_t words;                   ///< Of a row that are moved.
  std::int64_t from_stride, to_stride;  ///< Words from row to row.
  RowLanes lanes;                       ///< Of `words` items.
};

/// Rows of bytes, in words of the largest size that divides them.
/// Bytes: 2 M C s + 4 M for the indices.
template <class Word>
GAVOTTE_KERNEL void move_rows_kernel(MoveRowsArgs<Word> args, Stop stop) {
  for_each_row_item(
      args.lanes, args.rows.get(), args.words, stop, [&](std::int64_t row, std::int64_t word) {
        const std::int64_t from = args.from_rows != nullptr ? args.from_rows[row] : row;
        const std::int64_t to = args.to_rows != nullptr ? args.to_rows[row] : row;
        args.to[to * args.to_stride + word] = args.from[from * args.from_stride + word];
      });
}

}  // namespace gavotte::internal::cuda
