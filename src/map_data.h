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
  /// As built. The CPU's are in key order within an offset, on both sides at once, since a pair's keys
  /// differ by the offset's; CUDA's are sorted by output row.
  PairLists lists;
  bool in_key_order = false, sorted_by_out = false,
       sorted_by_in = false;  ///< What holds of `lists`.
  /// Of the sets on either side, as there (coordinate_data.h); the CPU's.
  Tensor in_order, in_rank, out_order, out_rank;

  /// True where the map has its table alone, and `pairs` is a bound: it was built without a wait.
  bool deferred() const noexcept { return !lists.begin; }
  /// Of a deferred map: what its backend needs to make it exact.
  std::shared_ptr<void> pending;

  // Derived forms, made when first asked for (KernelMap's accessors).
  mutable std::mutex mutex;
  mutable PairLists by_out, by_in;         ///< `lists` sorted by row, only where they are not.
  mutable Tensor table, transposed_table;  ///< int32 [K, out_rows], [K, in_rows]
  mutable Tensor masks, transposed_masks;  ///< uint8 [rows, ceil(K / 8)]

  mutable StreamUses uses;
};

}  // namespace gavotte::internal
