// Kernels that ask a source for its rows: once for the keys, once for the rows that are kept. Bytes a
// slot with 3 axes and 32-bit keys: keys 16 read, 8 written; kept rows 8 read, and 16 read and 16
// written for each row of the set.
#pragma once

#include "cuda/device/coordinate_source.h"
#include "cuda/device/kernel.h"
#include "cuda/device/key_planes.h"
#include "cuda/device/set_facts.h"
#include "cuda/device/stop.h"

namespace gavotte::internal::cuda {

template <class Source, class Key>
struct MakeKeysArgs {
  Source source;
  KeyLayout layout;
  KeyPlanes<Key> keys;
  std::int32_t* slots;  ///< [keys.count] 0, 1, ...
  SetFacts* facts;
};

/// keys[slot] of each slot; the sentinel, which sorts last, where it holds no row.
template <class Source, class Key>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    make_keys_kernel(MakeKeysArgs<Source, Key> args, Stop stop) {
  BoxPart box;
  for_each_item(args.keys.count, stop, [&](std::int64_t slot) {
    std::int32_t values[kMaxColumns] = {};
    const Slot state = args.source.coordinate(slot, values);
    args.keys.store(
        slot, state == Slot::row ? args.layout.template key<Key>(values) : sentinel_key<Key>());
    args.slots[slot] = static_cast<std::int32_t>(slot);
    if constexpr (Source::kFindsBox) {
      if (state == Slot::row) box.add(values);
      if (state == Slot::overflow)
        atomic_max(&args.facts->overflow_row,
                   ~static_cast<std::uint32_t>(slot / args.source.per_row));
    }
  });
  if constexpr (Source::kFindsBox) box.reduce_into(*args.facts, args.layout.columns);
}

template <class Source>
struct WriteRowsArgs {
  Source source;
  int columns;
  std::int64_t count;
  const std::int32_t* order;       ///< [count]
  const std::int32_t* positions;   ///< [count + 1] How many firsts come before.
  std::int32_t* lattice;           ///< [rows of the set, columns]
  std::int32_t* row_of = nullptr;  ///< [count] or null: the set's row of each slot, -1 of none.
  std::int32_t* starts = nullptr;  ///< [rows] or null: the first i of each row of the set.
};

/// lattice[positions[i]] = the coordinate of slot order[i], for the first of each coordinate.
template <class Source>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    write_rows_kernel(WriteRowsArgs<Source> args, Stop stop) {
  for_each_item(args.count, stop, [&](std::int64_t i) {
    const std::int64_t position = args.positions[i], next = args.positions[i + 1];
    const std::int32_t slot = args.order[i];
    if (next == position && (args.row_of == nullptr || !Source::kHasGaps)) {
      if (args.row_of != nullptr) args.row_of[slot] = static_cast<std::int32_t>(next - 1);
      return;
    }
    std::int32_t values[kMaxColumns] = {};
    const bool holds = args.source.coordinate(slot, values) == Slot::row;
    if (args.row_of != nullptr)
      args.row_of[slot] = holds ? static_cast<std::int32_t>(next - 1) : -1;
    if (next == position || !holds) return;
    if (args.starts != nullptr) args.starts[position] = static_cast<std::int32_t>(i);
    for (int c = 0; c < kMaxColumns; ++c) {
      if (c < args.columns) args.lattice[position * args.columns + c] = values[c];
    }
  });
}

}  // namespace gavotte::internal::cuda
