// Vectorised loops over rows of features, for the widest vectors of the CPU they run on (chosen at
// run time). "Accumulators" are float, or double for float64; 16-bit dtypes are stored only, never
// computed in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/epilogue.h"
#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// Bytes of an accumulator: 8 for float64, else 4.
constexpr std::int64_t accumulator_bytes(DType dtype) noexcept {
  return dtype == DType::float64 ? 8 : 4;
}

/// True where the stored elements are accumulators already.
constexpr bool is_accumulator(DType dtype) noexcept {
  return dtype == DType::float64 || dtype == DType::float32;
}

/// to[j, first_channel ..] = from[rows[j], first_channel ..] as accumulators, j < count. rows null:
/// row j.
struct GatherRows {
  DType dtype;
  const void* from;  ///< [*, channels]
  const std::int32_t* rows;
  std::int64_t count, channels;
  std::int64_t first_channel, channel_count;
  void* to;  ///< Accumulators [count, channels]
};
void gather_rows(const GatherRows& args);

/// For each r < rows: the sum of partial[entry] over entries [entry_begin[r], entry_begin[r + 1]), in
/// that order, then the epilogue, into row y_rows[r] of y (r where null). entry_begin null: row r is
/// partial[entries[r]] alone, or partial[r] where entries is null too.
struct FinishRows {
  DType dtype;                       ///< Of y and of the residual.
  const void* partial;               ///< Accumulators [*, channels]
  const std::uint32_t* entry_begin;  ///< [rows + 1]
  const std::uint32_t* entries;
  std::int64_t rows, channels;
  std::int64_t first_channel, channel_count;
  RowEpilogue epilogue;  ///< residual is that of row 0 of y
  void* y;  ///< [*, channels], may be partial where each row is its own and dtype an accumulator
  const std::int32_t* y_rows = nullptr;
  bool values = false;  ///< partial holds values of the dtype; there are no lists of entries.
};
void finish_rows(const FinishRows& args);

/// One multiplier for each channel: sums[r] = sum over the counts[r] entries e of row r, which are r, r + stride and so on,
/// of row inputs[e] of x * weights[offsets[e]].
struct DepthwiseRows {
  DType dtype;          ///< Of x.
  const void* weights;  ///< Accumulators [K, channels]
  const std::uint32_t* counts;
  const void* x;  ///< [*, channels]
  const std::int32_t* inputs;
  const std::int32_t* offsets;
  std::int64_t stride, rows, channels;
  void* sums;  ///< Accumulators [rows, channels]
};
void depthwise_rows(const DepthwiseRows& args);

/// sums[c] += x[r, c] over r in order. x: [rows, channels] of dtype; sums: accumulators [channels].
void add_rows(DType dtype, const void* x, std::int64_t rows, std::int64_t channels, void* sums);

/// sums[c] += a[a_rows[j], c] * b[b_rows[j], c] over j < count in order: the gradient of depthwise
/// weights.
struct MultiplyAddRows {
  DType dtype;  ///< Of a and b.
  const void *a, *b;
  const std::int32_t *a_rows, *b_rows;
  std::int64_t count, channels;
  void* sums;  ///< Accumulators [channels]
};
void multiply_add_rows(const MultiplyAddRows& args);

}  // namespace gavotte::internal::cpu
