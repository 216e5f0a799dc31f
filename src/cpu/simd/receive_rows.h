// Rows that receive their inputs pair by pair, offset after offset, while they stay in the fastest cache: nothing is listed by
// row. For the widest vectors of the CPU (chosen at run time).
#pragma once

#include <cstdint>

#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// The pairs of one offset.
struct ReceiveRun {
  const std::int32_t *from, *to;  ///< Rows, by the place of the receiver;
  std::int64_t count;             ///< so many of them are the call's,
  std::int64_t listed;            ///< and so many, those of later places too, may be read.
  std::int64_t taken = 0;         ///< The call's own: by its present rows.
};

/// The rows at places [first, + rows) of y, and their pairs. A row without pairs is 0.
struct ReceiveRows {
  DType x_dtype, y_dtype;  ///< As those of PoolRows.
  const void* x;
  void* y;
  std::int64_t channels, first, rows, offsets;
  ReceiveRun* runs;                  ///< [offsets]; the call uses them up.
  const std::int32_t *order, *rank;  ///< Place -> receiver's row and back; null: they are the same.
  void* sums;  ///< Room for kReceiverBytes, 64-byte aligned; a row of accumulators has no more.
  std::uint32_t* counts;  ///< Room for [rows]
  bool stream;            ///< y is so large that it is written past the caches.
  const float* scales;    ///< As PoolRows'.
  bool fetch;             ///< x is not in the caches, or read in no order.
};

/// Of the accumulators of rows that receive at the same time: half of a first-level cache (EPYC, 2026-11-23, maximum of 16
/// channels: 1.03 to 1.1 of the rate of 64 KiB, 8 and 32 KiB the same).
constexpr std::int64_t kReceiverBytes = 16 << 10;

/// The sum over `divisor`; 0: over the number of inputs. Of scaled rows the sum.
void receive_average(const ReceiveRows& args, std::int64_t divisor);
/// As max_rows.
void receive_max(const ReceiveRows& args);

}  // namespace gavotte::internal::cpu
