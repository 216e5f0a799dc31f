// A map's pairs by output row, for kernels that keep the sums of 32 rows in registers over all offsets.
#pragma once

#include <cstdint>
#include <memory>

#include "cpu/convolution_tile.h"
#include "cpu/scratch.h"
#include "cpu/simd/group_tiles.h"

namespace gavotte::internal::cpu {

/// The output rows of a map in groups of kGroupRows, such that those of one have pairs at about the same offsets. A group is
/// multiplied at every offset that one of its rows has.
class RowGroups {
 public:
  /// Of a map of at most kMostGroupOffsets offsets.
  RowGroups(const Execution& execution, const KernelMap& map, const MapPairs& pairs);

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t groups() const noexcept { return groups_; }
  /// Rows that are multiplied, over all offsets: at least as many as pairs.
  std::int64_t products() const noexcept { return products_; }
  /// Whether there are inputs(); else too many rows would be multiplied.
  bool worth_while() const noexcept { return inputs_memory_.as<std::int32_t>() != nullptr; }
  std::int64_t bytes() const noexcept { return bytes_; }

  /// [groups]: the bits of the offsets that some row has.
  const std::uint32_t* some() const noexcept { return memory_.as<std::uint32_t>(); }
  /// [rows]: those of the output, a group after the other.
  const std::int32_t* y_rows() const noexcept { return rows_at(); }
  /// Of the groups from `group` on: for each a block of kGroupRows rows of x, or -1, for each of its offsets.
  const std::int32_t* inputs(std::int64_t group) const noexcept {
    return inputs_memory_.as<std::int32_t>() + std::int64_t{begin_at()[group]} * kGroupRows;
  }

 private:
  std::int32_t* rows_at() const noexcept { return memory_.as<std::int32_t>() + groups_; }
  std::int32_t* begin_at() const noexcept { return rows_at() + rows_; }
  void group_identity();
  void sort_rows(const MapPairs& pairs, std::int64_t first, std::int64_t rows,
                 Workspace& workspace);
  void list_inputs(const MapPairs& pairs, std::int64_t first, std::int64_t rows,
                   Workspace& workspace);

  std::int64_t rows_ = 0, groups_ = 0, products_ = 0, bytes_ = 0;
  Scratch memory_;         // some [groups], y_rows [rows], the first block of inputs [groups]
  Scratch inputs_memory_;  // [products]
};

/// Those of a map, which keeps them: made at the first call.
std::shared_ptr<const RowGroups> row_groups(const Execution& execution, const KernelMap& map,
                                            const MapPairs& pairs);

}  // namespace gavotte::internal::cpu
