// A tile's pairs by output row: what each row is made from, for kernels that keep a row's sum in registers.
#pragma once

#include <cstddef>

#include "cpu/convolution_tile.h"
#include "cpu/simd/pool_rows.h"
#include "function_ref.h"

namespace gavotte::internal::cpu {

/// Entries of rows at places [first, + rows) of the pairs' order: row first + r is made from counts[r] inputs, in the order
/// of the offsets, whose entries are r, r + stride, r + 2 * stride and so on. Memory of the workspace.
struct RowEntries {
  std::int64_t first, rows, stride;
  const std::uint32_t* counts;  ///< [rows]
  const std::int32_t* inputs;   ///< By entry: the input's row.
  const std::int32_t* offsets;  ///< By entry, or null.
  const std::int32_t* order;    ///< [rows]: each r once, or null; see EntryLists.
};

/// Which lists are made.
struct EntryLists {
  bool offsets = false;
  bool order =
      false;  ///< Rows by their number of inputs, where these differ: branches on it then follow a pattern.
  const void* fetched =
      nullptr;                 ///< Rows of the input that are fetched as they are listed, or null,
  std::int64_t row_bytes = 0;  ///< of this size.
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
