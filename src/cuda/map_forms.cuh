// Kernels that make one form of a map from another. Bytes a voxel are those of a 3x3x3 kernel with k
// matches a voxel.
#pragma once

#include "cuda/device/block_scan.h"
#include "cuda/device/searched_offsets.h"
#include "cuda/device/stop.h"

namespace gavotte::internal::cuda {

/// Groups of 32 rows that hold `rows`.
GAVOTTE_DEVICE std::int64_t row_groups(std::int64_t rows) {
  return (rows + kWarpThreads - 1) / kWarpThreads;
}

inline constexpr int kArrangeOffsets = 128;  ///< Offsets of a block.

struct ArrangeTableArgs {
  const std::int32_t* by_row;  ///< [rows, offsets]
  std::int32_t* table;         ///< [offsets, rows.bound]
  RowCount rows;
  int offsets;
  std::uint32_t* flags;  ///< [offsets, groups]
  std::int64_t groups;
};

struct ArrangeTableShared {
  std::int32_t entries[kWarpThreads][kArrangeOffsets + 1];  // columns in different banks
};

/// 32 rows, the offsets from `first` on.
GAVOTTE_DEVICE void arrange_tile(const ArrangeTableArgs& args, std::int64_t group, int first,
                                 ArrangeTableShared& shared) {
  const std::int64_t rows = args.rows.get();
  const std::int64_t first_row = group * kWarpThreads;
  const int width = args.offsets - first < kArrangeOffsets ? args.offsets - first : kArrangeOffsets;
  for (int i = thread_index(); i < kWarpThreads * width; i += block_threads()) {
    const std::int64_t row = first_row + i / width;
    if (row < rows)
      shared.entries[i / width][i % width] = args.by_row[row * args.offsets + first + i % width];
  }
  sync_block();
  const std::int64_t row = first_row + lane_index();
  const bool live = row < rows;
  for (int k = warp_index(); k < width; k += block_threads() / kWarpThreads) {
    const std::int32_t entry = live ? shared.entries[lane_index()][k] : -1;
    if (live) args.table[(first + k) * args.rows.bound + row] = entry;
    const unsigned word = ballot(kFullMask, entry >= 0);
    if (lane_index() == 0) args.flags[(first + k) * args.groups + group] = word;
  }
  sync_block();  // the next tile's entries
}

/// A block: tiles of 32 rows and kArrangeOffsets offsets, one for each block of the grid or more.
/// Bytes: 108 read, 108 + 3.4 written, coalesced.
GAVOTTE_KERNEL void arrange_table_kernel(ArrangeTableArgs args, Stop stop) {
  auto& shared = shared_storage<ArrangeTableShared>();
  for (std::int64_t first = block_index_y() * kArrangeOffsets; first < args.offsets;
       first += grid_blocks_y() * kArrangeOffsets)
    for (std::int64_t group = block_index(); group < args.groups && stop.goes_on();
         group += grid_blocks())
      arrange_tile(args, group, static_cast<int>(first), shared);
}

struct FlagRowsArgs {
  const std::int32_t* table;  ///< [offsets, rows.bound]
  RowCount rows;
  std::uint32_t* flags;  ///< [offsets, groups]
  std::int64_t groups;
  int offsets;
};

/// Grid y: offsets. Bytes: 108 read, 3.4 written, coalesced.
GAVOTTE_KERNEL void flag_rows_kernel(FlagRowsArgs args) {
  const std::int64_t rows = args.rows.get();
  const std::int64_t warps = grid_threads() / kWarpThreads;
  for (std::int64_t offset = block_index_y(); offset < args.offsets; offset += grid_blocks_y())
    for (std::int64_t group = grid_thread() / kWarpThreads; group < row_groups(rows);
         group += warps) {
      const std::int64_t row = group * kWarpThreads + lane_index();
      const bool match = row < rows && args.table[offset * args.rows.bound + row] >= 0;
      const unsigned word = ballot(kFullMask, match);
      if (lane_index() == 0) args.flags[offset * args.groups + group] = word;
    }
}

inline constexpr int kCountGroups = 8;  ///< Groups of a thread: one sector of flags.

struct CountRowsArgs {
  SearchedOffsets searched;
  RowCount rows;
  const std::uint32_t* flags;  ///< [slots, groups]
  std::int64_t groups;
  std::int32_t* before;  ///< [slots, groups]
  std::int64_t* totals;  ///< [offsets]
};

struct CountRowsShared {
  BlockScanShared<std::int32_t> scan[2];  // taken in turn: one barrier a round
};

/// One slot. `round` goes on over all slots of the block.
GAVOTTE_DEVICE void count_slot(const CountRowsArgs& args, int slot, CountRowsShared& shared,
                               int& round) {
  const std::int64_t groups = row_groups(args.rows.get());
  const std::uint32_t* flags = args.flags + slot * args.groups;
  std::int32_t* before = args.before + slot * args.groups;
  std::int32_t sum = 0;
  for (std::int64_t begin = 0; begin < groups; begin += block_threads() * kCountGroups, ++round) {
    const std::int64_t first = begin + thread_index() * kCountGroups;
    std::int32_t counts[kCountGroups];
    std::int32_t own = 0;
    for (int i = 0; i < kCountGroups; ++i) {
      counts[i] = first + i < groups ? count_bits(flags[first + i]) : 0;
      own += counts[i];
    }
    std::int32_t total = 0;
    std::int32_t at = sum + block_exclusive_sum(own, shared.scan[round % 2], total);
    for (int i = 0; i < kCountGroups; ++i) {
      if (first + i < groups) before[first + i] = at;
      at += counts[i];
    }
    sum += total;
  }
  if (thread_index() == 0) {
    const int offset = args.searched.offset_of(slot);
    args.totals[offset] = sum;
    if (args.searched.mirrored) args.totals[args.searched.mirror(offset)] = sum;
  }
}

/// A block: a slot at a time. Bytes: 3.4 read, 3.4 written.
GAVOTTE_KERNEL void count_rows_kernel(CountRowsArgs args, Stop stop) {
  auto& shared = shared_storage<CountRowsShared>();
  int round = 0;
  for (std::int64_t slot = block_index(); slot < args.searched.slots() && stop.goes_on();
       slot += grid_blocks())
    count_slot(args, static_cast<int>(slot), shared, round);
}

struct CompactPairsArgs {
  SearchedOffsets searched;
  RowCount rows;
  const std::int32_t* table;   ///< [offsets, rows.bound]
  const std::uint32_t* flags;  ///< [slots, groups]
  const std::int32_t* before;  ///< [slots, groups]
  std::int64_t groups;
  const std::int64_t* totals;  ///< [offsets]
  std::int64_t* begin;         ///< [offsets + 1]; may be null
  std::int32_t* list_rows;     ///< [pairs]
  std::int32_t* list_entries;  ///< [pairs]
};

/// The sums of `totals` before each offset, and of all: by the first warp.
GAVOTTE_DEVICE void sum_totals(const std::int64_t* totals, int offsets, std::int64_t* begin) {
  if (warp_index() != 0) return;
  std::int64_t before = 0;
  for (int first = 0; first < offsets; first += kWarpThreads) {
    const int k = first + lane_index();
    const std::int64_t total = k < offsets ? totals[k] : 0;
    const std::int64_t inclusive = warp_inclusive_sum(total);
    if (k < offsets) begin[k] = before + inclusive - total;
    before += shuffle(kFullMask, inclusive, kWarpThreads - 1);
  }
  if (lane_index() == 0) begin[offsets] = before;
}

/// A warp: 32 rows at all slots. Shared memory: int64 [offsets + 1]. Bytes: table 4 k read of 108
/// (sectors without a match are not touched), half of that where mirrored; flags and counts 7; lists
/// 8 k written in runs of a few tens of bytes. Floor: 4 k + 8 k.
GAVOTTE_KERNEL void compact_pairs_kernel(CompactPairsArgs args, Stop stop) {
  auto* begin = &shared_storage<std::int64_t>();
  const int offsets = args.searched.offsets;
  sum_totals(args.totals, offsets, begin);
  sync_block();
  if (block_index() == 0 && args.begin != nullptr) {
    for (int k = thread_index(); k <= offsets; k += block_threads()) args.begin[k] = begin[k];
  }
  const unsigned lower_lanes = (1U << lane_index()) - 1U;
  for_each_item_of_warp(row_groups(args.rows.get()), stop, [&](std::int64_t group) {
    const std::int64_t row = group * kWarpThreads + lane_index();
    for (int slot = 0; slot < args.searched.slots(); ++slot) {
      const unsigned word = args.flags[slot * args.groups + group];
      if ((word >> lane_index() & 1U) == 0) continue;
      const std::int64_t rank =
          args.before[slot * args.groups + group] + count_bits(word & lower_lanes);
      const int offset = args.searched.offset_of(slot);
      const std::int32_t entry = args.table[offset * args.rows.bound + row];
      args.list_rows[begin[offset] + rank] = static_cast<std::int32_t>(row);
      args.list_entries[begin[offset] + rank] = entry;
      const int mirror = args.searched.mirror(offset);
      if (args.searched.mirrored && mirror != offset) {
        args.list_rows[begin[mirror] + rank] = entry;
        args.list_entries[begin[mirror] + rank] = static_cast<std::int32_t>(row);
      }
    }
  });
}

struct ScatterPairsArgs {
  const std::int64_t* begin;  ///< [offsets + 1]
  const std::int32_t* in;
  const std::int32_t* out;
  std::int32_t* table;  ///< [offsets, out_rows], filled with -1
  std::int64_t out_rows;
  int offsets;
};

/// Grid y: offsets. Bytes: 8 k read, 4 k written where the rows of the lists lie.
GAVOTTE_KERNEL void scatter_pairs_kernel(ScatterPairsArgs args) {
  for (std::int64_t offset = block_index_y(); offset < args.offsets; offset += grid_blocks_y()) {
    const std::int64_t end = args.begin[offset + 1];
    std::int32_t* table = args.table + offset * args.out_rows;
    for (std::int64_t i = args.begin[offset] + grid_thread(); i < end; i += grid_threads())
      table[args.out[i]] = args.in[i];
  }
}

struct MaskRowsArgs {
  const std::int32_t* table;  ///< [offsets, rows]
  std::int64_t rows;
  int offsets;
  std::uint8_t* masks;  ///< [rows, ceil(offsets / 8)]
};

/// A thread: one row. Bytes: 108 read, coalesced, 4 written.
GAVOTTE_KERNEL void mask_rows_kernel(MaskRowsArgs args) {
  const int bytes = (args.offsets + 7) / 8;
  for (std::int64_t row = grid_thread(); row < args.rows; row += grid_threads()) {
    for (int byte = 0; byte < bytes; ++byte) {
      unsigned mask = 0;
      for (int bit = 0; bit < 8; ++bit) {
        const int k = byte * 8 + bit;
        if (k < args.offsets && args.table[k * args.rows + row] >= 0) mask |= 1U << bit;
      }
      args.masks[row * bytes + byte] = static_cast<std::uint8_t>(mask);
    }
  }
}

struct SwapSidesArgs {
  const std::int32_t* table;  ///< [K, rows]
  std::int32_t* swapped;      ///< [K, in_rows], -1 everywhere.
  std::int64_t rows, in_rows;
  std::int64_t offsets;
};

/// swapped[k][table[k][row]] = row. Each entry is written once: an offset pairs a row with one other.
GAVOTTE_KERNEL void swap_sides_kernel(SwapSidesArgs args) {
  for (std::int64_t offset = block_index_y(); offset < args.offsets; offset += grid_blocks_y())
    for (std::int64_t row = grid_thread(); row < args.rows; row += grid_threads()) {
      const std::int32_t in = args.table[offset * args.rows + row];
      if (in >= 0) args.swapped[offset * args.in_rows + in] = static_cast<std::int32_t>(row);
    }
}

}  // namespace gavotte::internal::cuda
