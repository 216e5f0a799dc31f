// A tile's pairs by output row, for kernels that keep the sums of 16 rows in registers over all offsets.
#pragma once

#include <array>
#include <cstdint>

#include "cpu/convolution_tile.h"
#include "cpu/simd/group_tiles.h"

namespace gavotte::internal::cpu {

/// The rows of a tile in groups of kGroupRows, such that those of one have pairs at about the same offsets. A group is
/// multiplied at every offset that one of its rows has.
struct RowGroups {
  std::int64_t rows = 0, groups = 0;
  std::int64_t pairs = 0,
               products = 0;  ///< Rows that are multiplied are at least as many as pairs.
  /// Kernel offsets by bit; the higher the bit, the fewer pairs has the offset in the tile.
  std::array<int, kMostGroupOffsets> offsets = {};
  const std::uint32_t* some = nullptr;   ///< [groups]: the bits of the offsets that some row has.
  const std::int32_t* order = nullptr;   ///< [rows]: their places in the tile.
  const std::int32_t* inputs = nullptr;  ///< [bits, groups * kGroupRows]: rows of x, or -1.
};

/// After next_pairs(); at most kMostGroupOffsets offsets. The memory is the workspace's: gathered, entry_begin,
/// entry_offsets.
RowGroups group_rows(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                     Workspace& workspace);

/// Those of rows that are each paired with the row of the same number alone, of which there may be no lists.
RowGroups identity_groups(std::int64_t first_row, std::int64_t rows, Workspace& workspace);

}  // namespace gavotte::internal::cpu
