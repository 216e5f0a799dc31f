// Kernels of the sort that every set goes through, as far as they do not ask where rows come from:
// box, words of wide keys, what is equal to its neighbour. Bytes a row with 3 axes and 32-bit keys:
// box 16 read; marks 4 read, 4 written; duplicates 4 read.
#pragma once

#include "cuda/device/coordinate_source.h"
#include "cuda/device/kernel.h"
#include "cuda/device/key_planes.h"
#include "cuda/device/set_facts.h"
#include "cuda/device/stop.h"

namespace gavotte::internal::cuda {

struct FindBoxArgs {
  PlainRows rows;
  SetFacts* facts;
};

/// The box, and how many rows are not greater than the one before.
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    find_box_kernel(FindBoxArgs args, Stop stop) {
  BoxPart box;
  bool descends = false;
  for_each_item(args.rows.rows.bound, stop, [&](std::int64_t row) {
    std::int32_t values[kMaxColumns], before[kMaxColumns] = {};
    if (args.rows.coordinate(row, values) != Slot::row) return;
    box.add(values);
    if (row == 0) return;
    args.rows.coordinate(row - 1, before);
    bool greater = false;
    for (int c = kMaxColumns - 1; c >= 0; --c) {
      if (values[c] != before[c]) greater = values[c] > before[c];
    }
    descends = descends || !greater;
  });
  box.reduce_into(*args.facts, args.rows.columns);
  const unsigned descents = ballot(kFullMask, descends);
  if (lane_index() == 0 && descents != 0)
    atomic_add(&args.facts->descents, static_cast<std::uint32_t>(count_bits(descents)));
}

struct ScaleLatticeArgs {
  const std::int32_t* from;  ///< [rows, columns]
  std::int32_t* to;          ///< May be from.
  RowCount rows;
  int columns;
  bool divide;
  std::int32_t factors[kMaxColumns];  ///< Of the batch: 1.
  std::uint64_t* first_bad;           ///< The maximum of ~element; 0: none.
};

/// to = from / factor, which has to be exact, or from * factor, which has to fit int32. Bytes: 8 an
/// element.
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    scale_lattice_kernel(ScaleLatticeArgs args, Stop stop) {
  for_each_item(args.rows.get(), stop, [&](std::int64_t row) {
    for (int c = 0; c < kMaxColumns; ++c) {
      if (c >= args.columns) break;
      const std::int64_t at = row * args.columns + c;
      const std::int32_t value = args.from[at], factor = args.factors[c];
      const std::int64_t product = static_cast<std::int64_t>(value) * factor;
      if (args.divide ? value % factor != 0 : product != static_cast<std::int32_t>(product)) {
        atomic_max(args.first_bad, ~static_cast<std::uint64_t>(at));
      } else {
        args.to[at] = args.divide ? value / factor : static_cast<std::int32_t>(product);
      }
    }
  });
}

struct GatherWordsArgs {
  const std::uint64_t* words;
  const std::int32_t* order;
  std::uint64_t* out;
  std::int64_t count;
};

/// out[i] = words[order[i]]
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    gather_words_kernel(GatherWordsArgs args, Stop stop) {
  for_each_item(args.count, stop, [&](std::int64_t i) { args.out[i] = args.words[args.order[i]]; });
}

/// Keys in sorted order: those of one word were moved by the sort, wider ones are read through the
/// order.
template <class Key>
struct SortedView {
  KeyPlanes<Key> keys;
  const std::int32_t* order;

  GAVOTTE_DEVICE Key load(std::int64_t i) const {
    if constexpr (KeyPlanes<Key>::kWords == 1) {
      return keys.load(i);
    } else {
      return keys.load(order[i]);
    }
  }
};

template <class Key>
struct FindDuplicatesArgs {
  SortedView<Key> sorted;
  SetFacts* facts;
};

/// Counts rows that equal the one before in sorted order, and finds the first of them by row.
template <class Key>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    find_duplicates_kernel(FindDuplicatesArgs<Key> args, Stop stop) {
  const SortedView<Key>& sorted = args.sorted;
  std::uint32_t duplicates = 0;
  std::uint64_t first = 0;
  for_each_item(sorted.keys.count - 1, stop, [&](std::int64_t before) {
    const std::int64_t i = before + 1;
    const Key key = sorted.load(i);
    if (!(key == sorted.load(before)) || key == sentinel_key<Key>()) return;
    ++duplicates;
    const auto later = static_cast<std::uint32_t>(sorted.order[i]);
    const auto earlier = static_cast<std::uint32_t>(sorted.order[before]);
    const std::uint64_t pair = static_cast<std::uint64_t>(~later) << 32 | earlier;
    first = pair > first ? pair : first;
  });
  if (duplicates == 0) return;
  atomic_add(&args.facts->duplicates, duplicates);
  atomic_max(&args.facts->first_duplicate, first);
}

template <class Key>
struct MarkFirstArgs {
  SortedView<Key> sorted;
  std::int32_t* is_first;  ///< [count + 1], the last is 0.
};

/// is_first[i] = 1 where sorted row i is the first of its coordinate, else 0.
template <class Key>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    mark_first_kernel(MarkFirstArgs<Key> args, Stop stop) {
  const SortedView<Key>& sorted = args.sorted;
  for_each_item(sorted.keys.count + 1, stop, [&](std::int64_t i) {
    bool first = false;
    if (i < sorted.keys.count) {
      const Key key = sorted.load(i);
      first = !(key == sentinel_key<Key>()) && (i == 0 || !(key == sorted.load(i - 1)));
    }
    args.is_first[i] = first ? 1 : 0;
  });
}

struct TakeCountArgs {
  RowCount rows;
  SetFacts* facts;
};

/// The caller's count, and how many rows of it there is room for. One thread.
GAVOTTE_KERNEL void take_count_kernel(TakeCountArgs args, Stop stop) {
  if (!stop.goes_on()) return;
  const std::int64_t wanted = *args.rows.device;
  args.facts->wanted = wanted;
  args.facts->count = wanted < 0 ? 0 : args.rows.get();
}

struct StoreCountArgs {
  const std::int32_t* total;
  SetFacts* facts;
};

/// facts.count = *total. One thread.
GAVOTTE_KERNEL void store_count_kernel(StoreCountArgs args, Stop stop) {
  if (stop.goes_on()) args.facts->count = *args.total;
}

}  // namespace gavotte::internal::cuda
