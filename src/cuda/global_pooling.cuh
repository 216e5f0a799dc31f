// Kernels of global pooling. In key order the rows of a batch entry stand together; each entry is
// cut into chunks of kChunkRows, a block reduces a chunk, then a block joins the chunks of an entry:
// both cut their rows into one run for each group of threads and join the runs in order, two by two.
// The cuts follow from the sizes alone, so results repeat bit for bit and do not depend on the order
// of the set's rows.
//
// Bytes forward: N C s, 4 N (1 + D) for the batch indices, and twice the partial results, which are
// 1 / kChunkRows of the features. Backward: 2 N C s (max: 3 N C s).
#pragma once

#include "cuda/device/convert.h"
#include "cuda/device/pack.h"
#include "cuda/device/reduce.h"
#include "cuda/device/row_lanes.h"
#include "gavotte/pooling.h"

namespace gavotte::internal::cuda {

inline constexpr std::int64_t kChunkRows = 512;

/// The rows of a set as batch entries.
struct EntryRows {
  const std::int32_t* lattice;  ///< [N, columns]
  const std::int32_t* order;    ///< [N]: key order -> row; null: rows are in key order.
  std::int64_t columns;
  RowCount rows;  ///< N

  GAVOTTE_DEVICE std::int64_t row(std::int64_t position) const {
    return order != nullptr ? order[position] : position;
  }
  GAVOTTE_DEVICE std::int64_t entry(std::int64_t row) const { return lattice[row * columns]; }
};

struct MarkEntriesArgs {
  EntryRows rows;
  std::int64_t entries;
  std::int64_t* begin;  ///< [entries + 1]: positions in key order
};

/// A thread for each border between two positions writes the entries that begin there.
GAVOTTE_KERNEL void mark_entries_kernel(MarkEntriesArgs args, Stop stop) {
  const std::int64_t rows = args.rows.rows.get();
  for_each_item(rows + 1, stop, [&](std::int64_t p) {
    const std::int64_t before = p > 0 ? args.rows.entry(args.rows.row(p - 1)) : -1;
    const std::int64_t here = p < rows ? args.rows.entry(args.rows.row(p)) : args.entries;
    for (std::int64_t entry = before + 1; entry <= here; ++entry) args.begin[entry] = p;
  });
}

/// Where the partial results of an entry lie: slots from begin / kChunkRows + entry on, which leaves
/// room for the entry's chunks whatever the sizes are.
GAVOTTE_DEVICE std::int64_t first_slot(const std::int64_t* begin, std::int64_t entry) {
  return begin[entry] / kChunkRows + entry;
}
/// Slots of all entries.
constexpr std::int64_t slot_count(std::int64_t rows, std::int64_t entries) {
  return rows / kChunkRows + entries;
}

template <class A, int N>
struct JoinShared {
  Pack<A, N> joined[kRowThreads];
};

/// The joined rows row_at(i), i in [0, count), of channels [item * N, item * N + N): valid in the
/// threads of row_of_block() 0. Every thread of the block calls it.
template <int N, class From, class RowAt>
GAVOTTE_DEVICE Pack<Accumulator<From>, N> join_rows(RowLanes lanes, const From* from,
                                                    std::int64_t channels, std::int64_t item,
                                                    std::int64_t count, bool is_max,
                                                    RowAt&& row_at) {
  using A = Accumulator<From>;
  const int groups = lanes.rows_per_block();
  const int group = lanes.row_of_block();
  const std::int64_t run = (count + groups - 1) / groups;
  const std::int64_t end = run * (group + 1) < count ? run * (group + 1) : count;
  Pack<A, N> joined = start_pack<N, A>(is_max);
  if (item * N < channels)
    for (std::int64_t i = run * group; i < end; ++i)
      join_pack(is_max, joined, load_pack<N>(from + row_at(i) * channels + item * N));
  auto& shared = shared_storage<JoinShared<A, N>>();
  sync_block();  // the values of an earlier call have been read
  shared.joined[thread_index()] = joined;
  for (int step = 1; step < groups; step *= 2) {
    sync_block();
    if (group % (2 * step) == 0) {
      join_pack(is_max, joined, shared.joined[thread_index() + step * lanes.count()]);
      shared.joined[thread_index()] = joined;
    }
  }
  return joined;
}

template <class T>
struct ReduceChunksArgs {
  EntryRows rows;
  const std::int64_t* begin;  ///< [entries + 1]
  std::int64_t entries;
  const T* x;               ///< [N, channels]
  Accumulator<T>* partial;  ///< [slots, channels]
  std::int64_t channels;
  bool is_max;
  RowLanes lanes;  ///< Of channels / N items.
};

template <class T, int N>
GAVOTTE_KERNEL void reduce_chunks_kernel(ReduceChunksArgs<T> args, Stop stop) {
  const std::int64_t slots = slot_count(args.rows.rows.get(), args.entries);
  for (std::int64_t slot = block_index(); slot < slots && stop.goes_on(); slot += grid_blocks()) {
    // The last entry whose slots begin at or before this one.
    std::int64_t entry = 0, after = args.entries;
    while (after - entry > 1) {
      const std::int64_t middle = entry + (after - entry) / 2;
      if (first_slot(args.begin, middle) <= slot)
        entry = middle;
      else
        after = middle;
    }
    const std::int64_t first =
        args.begin[entry] + (slot - first_slot(args.begin, entry)) * kChunkRows;
    const std::int64_t left = args.begin[entry + 1] - first;
    if (left <= 0) continue;  // the same for all threads of the block
    const std::int64_t count = left < kChunkRows ? left : kChunkRows;
    for (std::int64_t base = 0; base * N < args.channels; base += args.lanes.count()) {
      const std::int64_t item = base + args.lanes.lane();
      const auto joined = join_rows<N>(args.lanes, args.x, args.channels, item, count, args.is_max,
                                       [&](std::int64_t i) { return args.rows.row(first + i); });
      if (args.lanes.row_of_block() == 0 && item * N < args.channels)
        store_pack(args.partial + slot * args.channels + item * N, joined);
    }
  }
}

template <class T>
struct JoinChunksArgs {
  const std::int64_t* begin;  ///< [entries + 1]
  std::int64_t entries;
  const Accumulator<T>* partial;  ///< [slots, channels]
  T* y;                           ///< [entries, channels]
  std::int64_t channels;
  PoolMode mode;
  RowLanes lanes;  ///< Of channels / N items.
};

/// What the sum over `rows` rows is divided by.
template <class A>
GAVOTTE_DEVICE A entry_divisor(PoolMode mode, std::int64_t rows) {
  return mode == PoolMode::average_present && rows > 0 ? static_cast<A>(rows) : A{1};
}

template <class T, int N>
GAVOTTE_KERNEL void join_chunks_kernel(JoinChunksArgs<T> args, Stop stop) {
  using A = Accumulator<T>;
  for (std::int64_t entry = block_index(); entry < args.entries && stop.goes_on();
       entry += grid_blocks()) {
    const std::int64_t rows = args.begin[entry + 1] - args.begin[entry];
    const std::int64_t chunks = (rows + kChunkRows - 1) / kChunkRows;
    const std::int64_t slot = first_slot(args.begin, entry);
    for (std::int64_t base = 0; base * N < args.channels; base += args.lanes.count()) {
      const std::int64_t item = base + args.lanes.lane();
      const auto joined =
          join_rows<N>(args.lanes, args.partial, args.channels, item, chunks,
                       args.mode == PoolMode::max, [&](std::int64_t i) { return slot + i; });
      if (args.lanes.row_of_block() != 0 || item * N >= args.channels) continue;
      Pack<T, N> y;
      for (int i = 0; i < N; ++i)
        y[i] = narrow<T>(rows > 0 ? joined[i] / entry_divisor<A>(args.mode, rows) : A{0});
      store_pack(args.y + entry * args.channels + item * N, y);
    }
  }
}

template <class T>
struct SpreadGradientArgs {
  EntryRows rows;
  const std::int64_t* begin;  ///< [entries + 1]
  const T* grad_y;            ///< [entries, channels]
  T* grad_x;                  ///< [N, channels]
  std::int64_t channels;
  PoolMode mode;
  RowLanes lanes;
};

/// Each row gets its entry's gradient, divided by the entry's rows for an average.
template <class T, int N>
GAVOTTE_KERNEL void spread_gradient_kernel(SpreadGradientArgs<T> args) {
  using A = Accumulator<T>;
  for_each_row_item(
      args.lanes, args.rows.rows.get(), args.channels / N,
      [&](std::int64_t row, std::int64_t item) {
        const std::int64_t entry = args.rows.entry(row);
        const A divisor = entry_divisor<A>(args.mode, args.begin[entry + 1] - args.begin[entry]);
        const auto grad_y = load_pack<N>(args.grad_y + entry * args.channels + item * N);
        Pack<T, N> grad_x;
        for (int i = 0; i < N; ++i) grad_x[i] = narrow<T>(widen(grad_y[i]) / divisor);
        store_pack(args.grad_x + row * args.channels + item * N, grad_x);
      });
}

template <class T>
struct FindFirstEqualArgs {
  EntryRows rows;
  const T* x;              ///< [N, channels]
  const T* y;              ///< [entries, channels]
  std::uint32_t* winners;  ///< [entries, channels]: positions, all bits set before
  std::int64_t channels;
  RowLanes lanes;
};

/// The first position in key order whose value equals the entry's maximum: the least one, whatever
/// order the atomics run in. Most threads see an earlier one and add no atomic.
template <class T, int N>
GAVOTTE_KERNEL void find_first_equal_kernel(FindFirstEqualArgs<T> args) {
  for_each_row_item(args.lanes, args.rows.rows.get(), args.channels / N,
                    [&](std::int64_t position, std::int64_t item) {
                      const std::int64_t row = args.rows.row(position);
                      const std::int64_t at = args.rows.entry(row) * args.channels + item * N;
                      const auto x = load_pack<N>(args.x + row * args.channels + item * N);
                      const auto y = load_pack<N>(args.y + at);
                      const auto own = static_cast<std::uint32_t>(position);
                      for (int i = 0; i < N; ++i) {
                        std::uint32_t* const winner = args.winners + at + i;
                        if (is_equal(x[i], y[i]) && own < load_relaxed(winner))
                          atomic_min(winner, own);
                      }
                    });
}

template <class T>
struct SendToWinnersArgs {
  EntryRows rows;
  const std::uint32_t* winners;  ///< [entries, channels]
  const T* grad_y;               ///< [entries, channels]
  T* grad_x;                     ///< [N, channels]
  std::int64_t channels;
  RowLanes lanes;
};

template <class T, int N>
GAVOTTE_KERNEL void send_to_winners_kernel(SendToWinnersArgs<T> args) {
  for_each_row_item(args.lanes, args.rows.rows.get(), args.channels / N,
                    [&](std::int64_t position, std::int64_t item) {
                      const std::int64_t row = args.rows.row(position);
                      const std::int64_t at = args.rows.entry(row) * args.channels + item * N;
                      const auto winners = load_pack<N>(args.winners + at);
                      const auto grad_y = load_pack<N>(args.grad_y + at);
                      Pack<T, N> grad_x;
                      for (int i = 0; i < N; ++i)
                        grad_x[i] = winners[i] == static_cast<std::uint32_t>(position)
                                        ? grad_y[i]
                                        : narrow<T>(0.0F);
                      store_pack(args.grad_x + row * args.channels + item * N, grad_x);
                    });
}

}  // namespace gavotte::internal::cuda
