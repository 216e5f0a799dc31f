// A tile's pairs by output row: what each row is made from, for kernels that keep a row's sum in registers.
#pragma once

#include "cpu/convolution_tile.h"

namespace gavotte::internal::cpu {

/// The entries [begin[r], begin[r + 1]) of the tile's row r, in the order of the offsets: the row of the input and the
/// offset of each. Memory of the workspace.
struct TileEntries {
  const std::uint32_t* begin;
  const std::int32_t *inputs, *offsets;
};

/// Of the output rows at places [first_row, + rows), whose pairs find_pairs or next_pairs has found.
TileEntries list_entries(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                         Workspace& workspace);

}  // namespace gavotte::internal::cpu
