// How the threads of a block share the rows of a matrix: a power of two of neighbouring threads for
// a row, as many rows at once as fit, the grid as the stride. No division, no 32-bit product.
#pragma once

#include "cuda/device/stop.h"

namespace gavotte::internal::cuda {

inline constexpr int kRowThreads = 256;  ///< Of a block that walks rows this way.

struct RowLanes {
  int bits = 0;  ///< 1 << bits threads for a row.

  GAVOTTE_HOST_DEVICE int count() const { return 1 << bits; }
  GAVOTTE_HOST_DEVICE int rows_per_block() const { return kRowThreads >> bits; }
  GAVOTTE_DEVICE int lane() const { return thread_index() & (count() - 1); }
  GAVOTTE_DEVICE int row_of_block() const { return thread_index() >> bits; }

  /// For rows of `items` items each: the smallest power of two that covers them, or the block.
  static constexpr RowLanes for_items(std::int64_t items) {
    int bits = 0;
    while ((std::int64_t{1} << bits) < items && (1 << bits) < kRowThreads) ++bits;
    return {bits};
  }
};

/// Calls body(row, item) for this thread's share of [0, rows) x [0, items). A tile is the rows that a block has at once.
template <class Body>
GAVOTTE_DEVICE void for_each_row_item(RowLanes lanes, std::int64_t rows, std::int64_t items,
                                      const Stop& stop, Body&& body) {
  const std::int64_t step = grid_blocks() * lanes.rows_per_block();
  for (std::int64_t first = block_index() * lanes.rows_per_block(); first < rows && stop.goes_on();
       first += step) {
    const std::int64_t row = first + lanes.row_of_block();
    if (row >= rows) continue;
    for (std::int64_t item = lanes.lane(); item < items; item += lanes.count()) body(row, item);
  }
}
/// The same where nothing stops it.
template <class Body>
GAVOTTE_DEVICE void for_each_row_item(RowLanes lanes, std::int64_t rows, std::int64_t items,
                                      Body&& body) {
  for_each_row_item(lanes, rows, items, Stop{}, body);
}

}  // namespace gavotte::internal::cuda
