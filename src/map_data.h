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

/// CSR pair lists.
struct PairLists {
  Tensor begin;  ///< int64 [K + 1]
  Tensor in;     ///< int32 [pairs]
  Tensor out;    ///< int32 [pairs]
};

struct MapData {
  int offsets = 0;
  std::int64_t in_rows = 0, out_rows = 0, pairs = 0;
  Execution execution;       ///< That built it: derived forms are made on its stream.
  int identity_offset = -1;  ///< The offset that pairs row i with row i for every row, or -1.
  PairLists by_out;          ///< Sorted by output row within an offset.
  /// True where the lists are sorted by input row as well: both sets have their rows in key order.
  bool also_sorted_by_in = false;

  /// True where the map has its table alone, and `pairs` is a bound: it was built without a wait.
  bool deferred() const noexcept { return !by_out.begin; }
  /// Of a deferred map: what its backend needs to make it exact.
  std::shared_ptr<void> pending;

  // Derived forms, made when first asked for (KernelMap's accessors).
  mutable std::mutex mutex;
  mutable PairLists by_in;  ///< Sorted by input row; only where also_sorted_by_in is false.
  mutable Tensor table, transposed_table;  ///< int32 [K, out_rows], [K, in_rows]
  mutable Tensor masks, transposed_masks;  ///< uint8 [rows, ceil(K / 8)]

  mutable StreamUses uses;
};

}  // namespace gavotte::internal
