// A tile's pairs by output row: what each row is made from, for kernels that keep a row's sum in registers.
#pragma once

#include <cstddef>

#include "cpu/convolution_tile.h"
#include "cpu/simd/pool_rows.h"
#include "function_ref.h"

namespace gavotte::internal::cpu {

/// Starts to fetch a row that is read soon; returns it.
inline const std::byte* fetch_row(const std::byte* row, std::int64_t bytes) {
  constexpr std::int64_t kLine = 64;
  for (std::int64_t i = 0; i < bytes; i += kLine) __builtin_prefetch(row + i);
  return row;
}

/// Entries of rows at places [first, + rows) of the pairs' order: row first + r is made from counts[r] inputs, in the order
/// of the offsets, whose entries are r, r + stride, r + 2 * stride and so on. Memory of the workspace.
struct RowEntries {
  std::int64_t first, rows, stride;
  const std::uint32_t* counts;     ///< [rows]
  const std::byte* const* inputs;  ///< By entry: where the input's row begins.
  const std::int32_t* offsets;     ///< By entry, or null.
  bool filled;                     ///< See EntryLists.
};

/// Which lists are made, and what they are filled up with: where one of a block's rows has more than one entry, each gets as
/// many as make a multiple of kInputStep, so that loops over them have no branch that depends on the row.
struct EntryLists {
  const void* x;           ///< Rows of the input,
  std::int64_t row_bytes;  ///< of this size.
  bool offsets = false;
  const void* filler = nullptr;  ///< A row that may be read; null: lists are not filled up.
  std::int32_t filler_offset = -1;
};

/// Calls body for blocks of the rows at places [first, + rows), whose pairs find_pairs or next_pairs has found: so few rows
/// that their entries stay in the fastest memory.
void for_each_block(const MapPairs& pairs, const EntryLists& lists, std::int64_t first,
                    std::int64_t rows, Workspace& workspace,
                    FunctionRef<void(const RowEntries&)> body);

/// Of the same rows how many inputs each has: [rows], memory of the workspace.
const std::uint32_t* count_inputs(const MapPairs& pairs, std::int64_t first, std::int64_t rows,
                                  Workspace& workspace);

}  // namespace gavotte::internal::cpu
