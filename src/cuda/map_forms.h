// Forms of a kernel map, one from the other: dense table, flags, pair lists, masks. All on the
// stream, none waits.
#pragma once

#include <cstdint>

#include "backend.h"
#include "cuda/device/searched_offsets.h"
#include "cuda/memory.h"

namespace gavotte::internal::cuda {

/// Which rows of a table hold something, for each searched offset, and how many there are before
/// each group of 32 rows.
struct RowFlags {
  SearchedOffsets searched;
  RowCount rows;
  std::int64_t groups = 0;       ///< ceil(rows / 32)
  Scratch<std::uint32_t> words;  ///< [slots, groups]: bit row % 32
  Scratch<std::int32_t> before;  ///< [slots, groups]: rows with a bit in the groups before
  Scratch<std::int64_t> totals;  ///< [K]

  RowFlags() = default;
  RowFlags(const Execution& execution, const SearchedOffsets& searched, RowCount rows);
  std::int64_t word_count() const { return searched.slots() * groups; }
};

/// table [K, rows] and the flags of all offsets, from by_row [rows, K]. One launch.
void arrange_table(const Execution&, const std::int32_t* by_row, std::int32_t* table, RowFlags&);
/// The flags of all offsets, from table [K, rows]. One launch.
void flag_rows(const Execution&, const std::int32_t* table, RowFlags&);
/// RowFlags::before and totals, from the words. One launch.
void count_rows(const Execution&, RowFlags&);

/// Pair lists in CSR. `rows` ascends within an offset; `entries` is what the table [K, rows] holds.
struct CsrLists {
  std::int64_t* begin = nullptr;  ///< [K + 1]; null: not wanted.
  std::int32_t* rows = nullptr;
  std::int32_t* entries = nullptr;
};
/// One launch. A mirrored offset's list is that of its partner with the two sides swapped, which is
/// sorted only where both sides' rows are in key order.
void compact_pairs(const Execution&, const std::int32_t* table, const RowFlags&, const CsrLists&);

/// int32 [K, out_rows] from pair lists in any order. One fill, one launch.
Tensor scatter_pairs(const Execution&, const PairView&);
/// int32 [K, in_rows] from a table [K, rows] of input rows. One fill, one launch.
Tensor swap_sides(const Execution&, ConstTensorView table, std::int64_t in_rows);
/// uint8 [rows, ceil(K / 8)] from a table int32 [K, rows]. One launch.
Tensor mask_rows(const Execution&, ConstTensorView table);

}  // namespace gavotte::internal::cuda
