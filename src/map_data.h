// What a KernelMap handle points to.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "gavotte/device.h"
#include "gavotte/tensor.h"
#include "stream_uses.h"

namespace gavotte::internal {

namespace cpu {
class RowGroups;  // cpu/row_groups.h
class RowRank;    // cpu/row_rank.h
}  // namespace cpu

/// CSR pair lists.
struct PairLists {
  Tensor begin;  ///< int64 [K + 1]
  Tensor in;     ///< int32 [pairs]
  Tensor out;    ///< int32 [pairs]
};

/// The pairs of one offset.
struct OffsetPairs {
  const std::int32_t *in = nullptr, *out = nullptr;  ///< Rows, [count] each.
  std::int64_t count = 0;
};

struct MapData {
  int offsets = 0;
  std::int64_t in_rows = 0, out_rows = 0, pairs = 0;
  Execution execution;  ///< That built it: derived forms are made on its stream, with its threads.
  int identity_offset = -1;  ///< The offset that pairs row i with row i for every row, or -1.
  /// Known by how it was built: every row of that side has exactly one pair. The CPU's.
  bool in_once = false, out_once = false;
  /// CUDA's: sorted by output row, as built. The CPU's: `begin` alone.
  PairLists lists;
  bool sorted_by_out = false, sorted_by_in = false;  ///< What holds of `lists`.
  /// The CPU's, as built: for each offset the pairs in key order, on both sides at once, since a pair's
  /// keys differ by the offset's. An offset and its mirror read the same memory with sides swapped.
  std::vector<OffsetPairs> in_key_order;
  std::shared_ptr<const void> key_order_memory;
  std::int64_t key_order_bytes = 0;
  /// Of the sets on either side, as there (coordinate_data.h); the CPU's.
  Tensor in_order, out_order;
  std::shared_ptr<const cpu::RowRank> in_rank, out_rank;

  /// True where the map has its table alone, and `pairs` is a bound: it was built without a wait.
  bool deferred() const noexcept { return !lists.begin; }
  /// Of a deferred map: what its backend needs to make it exact.
  std::shared_ptr<void> pending;

  // Derived forms, made when first asked for (KernelMap's accessors).
  mutable std::mutex mutex;
  mutable PairLists by_out, by_in;         ///< `lists` sorted by row, only where they are not.
  mutable Tensor table, transposed_table;  ///< int32 [K, out_rows], [K, in_rows]
  mutable Tensor masks, transposed_masks;  ///< uint8 [rows, ceil(K / 8)]
  mutable std::shared_ptr<const cpu::RowGroups> row_groups, transposed_row_groups;  ///< The CPU's.
  mutable std::int64_t row_group_bytes = 0;                                         ///< Of both.

  mutable StreamUses uses;
};

}  // namespace gavotte::internal
