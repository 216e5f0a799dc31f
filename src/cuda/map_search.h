// The search behind a kernel map on a GPU: the keys of the output side, ascending, against those of
// the input side. Query q has a match at offset k where queries[q] + step[k] is a target. Its
// product is the dense table, written as it is found.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/device/kernel.h"
#include "cuda/device/searched_offsets.h"
#include "gavotte/config.h"
#include "gavotte/device.h"
#include "geometry.h"
#include "keys.h"

namespace gavotte::internal::cuda {

/// Where matches go.
struct MatchSink {
  /// Entry of (offset k, output row) at k * offset_stride + row * row_stride: the input row, or -1.
  std::int32_t* table = nullptr;
  std::int64_t offset_stride = 0, row_stride = 0;
  const std::int32_t* query_rows = nullptr;   ///< Row of a query; null: its position.
  const std::int32_t* target_rows = nullptr;  ///< Row of a target; null: its position.
  /// Bit q % 32 of word slot * groups + q / 32: query q has a match. Null: not wanted.
  std::uint32_t* flags = nullptr;
  std::int64_t groups = 0;
  SearchedOffsets searched;

  GAVOTTE_DEVICE std::int64_t query_row(std::int64_t query) const {
    return query_rows != nullptr ? query_rows[query] : query;
  }
  /// The entry of a searched offset, and, for a match, that of its mirror. target: -1 where there is
  /// no match.
  GAVOTTE_DEVICE void put(int offset, std::int64_t row, std::int32_t target) const {
    std::int32_t entry = target;
    if (target >= 0 && target_rows != nullptr) entry = target_rows[target];
    table[offset * offset_stride + row * row_stride] = entry;
    const int mirror = searched.mirror(offset);
    if (target >= 0 && searched.mirrored && mirror != offset)
      table[mirror * offset_stride + entry * row_stride] = static_cast<std::int32_t>(row);
  }
};

template <class Key>
struct MapSearch {
  const Key* queries = nullptr;  ///< Ascending; equal ones have no match.
  const Key* targets = nullptr;
  RowCount query_count, target_count;
  int dims = 3;
  /// Of the searched offsets, as query -> target per axis, and as the difference of their keys;
  /// ascending, so that those which differ only in the last axis are neighbours.
  std::vector<AxisOffset> differences;
  std::vector<Key> steps;
  std::vector<int> offsets;
  MatchSink sink;
};

/// Offsets of one launch; kernels with more take several.
inline constexpr int kLaunchOffsets = 128;

/// One launch for each kLaunchOffsets offsets.
template <class Key>
void column_walk(const Execution&, const MapConfig&, const MapSearch<Key>&);

/// Three launches for each kLaunchOffsets offsets. Flags must have been cleared.
template <class Key>
void double_traversal(const Execution&, const MapConfig&, const MapSearch<Key>&);

}  // namespace gavotte::internal::cuda
