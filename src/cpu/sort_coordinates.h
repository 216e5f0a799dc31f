// Coordinates in key order: the sort that every set goes through.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coordinate_data.h"
#include "gavotte/device.h"

namespace gavotte::internal::cpu {

/// Rows of `lattice` (int32 [N, columns]) by ascending coordinate, equal ones by row.
struct SortedRows {
  Box box;
  bool already_sorted = false;  ///< Strictly ascending as given: order is empty.
  Tensor order;                 ///< int32 [N]
  /// uint8 [N], by sorted position: 0 where the coordinate equals the one before. With kept keys only
  /// where there is one.
  Tensor is_first;
  std::int64_t distinct = 0;
  std::shared_ptr<const void> keys;  ///< As in CoordinateData, where they are to be kept.
  Box key_box;
};
/// Dropping them, order and is_first are borrowed (loan.h).
enum class Keys { drop, keep };
SortedRows sort_rows(const Execution&, ConstTensorView lattice, Keys);

/// For each block (row_blocks.h) of sorted positions the distinct coordinates that begin before it; at the end those of all.
/// Of rows whose keys were dropped.
std::vector<std::int64_t> distinct_before(const Execution&, const SortedRows&);

/// A set from rows that may repeat, in key order. row_of, where wanted: int32 [N], the set's row of
/// each given row.
std::shared_ptr<const CoordinateData> unique_set(const Execution&, ConstTensorView lattice,
                                                 PerAxis stride, Tensor* row_of = nullptr);

}  // namespace gavotte::internal::cpu
