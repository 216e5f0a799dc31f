// Rows of features that are made from several rows, for the widest vectors of the CPU they run on (chosen at run time).
// Sums are float, or double for float64, and stay in registers.
#pragma once

#include <cstdint>

#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// For r < rows: row y_rows[first + r] of y (first + r where null) is made from the rows entries[e] of x (e where null), e
/// in [begin[r], begin[r + 1]) in turn. A row without entries is 0.
struct PoolRows {
  DType dtype;  ///< Of x and y.
  const void* x;
  void* y;
  std::int64_t channels, first, rows;
  const std::uint32_t* begin;
  const std::int32_t *entries, *y_rows;
  bool sums = false;  ///< y holds sums, not values of the dtype.
};

/// The sum over `divisor`; 0: over the number of entries.
void average_rows(const PoolRows& args, std::int64_t divisor);
/// The largest; NaN where one is NaN; of equals the first.
void max_rows(const PoolRows& args);
/// The sum of x / divisors, which holds a number (float, or double for float64) for each row of x.
void add_quotients(const PoolRows& args, const void* divisors);
/// The sum of the channels c whose winners[row of x, c] is offsets[e].
void add_won(const PoolRows& args, const std::int32_t* winners, const std::int32_t* offsets);

/// winners[row of y, c]: of the first entry e whose x equals y there, NaN being equal to NaN, offsets[e], or its row of x
/// where these are null; -1 where there is none. y of the args is read.
void find_winners(const PoolRows& args, const std::int32_t* offsets, std::int32_t* winners);

}  // namespace gavotte::internal::cpu
