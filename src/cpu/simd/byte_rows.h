// Vectorised loops between rows of floats, rows of bytes and int32 sums, for the widest vectors of
// the CPU they run on (chosen at run time).
#pragma once

#include <cstdint>

#include "bytes.h"
#include "cpu/epilogue.h"
#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// y[r, :] = the bytes of x[r, :].
struct QuantizeRows {
  DType dtype;    ///< Of x: float32 or one of 16 bits.
  const void* x;  ///< [rows, channels]
  std::int64_t rows, channels;
  ByteScale scale;
  std::uint8_t* y;  ///< Rows of y_stride bytes.
  std::int64_t y_stride;
};
void quantize_rows(const QuantizeRows& args);

/// The largest magnitude of x [count]; of values of at least 0 alone where zero is 0. NaN counts as
/// 0.
float largest_magnitude(DType dtype, const void* x, std::int64_t count, std::uint8_t zero);

/// y[y_rows[j], :] += row_scales[x_rows[j]] * sums[j, :] for j < count.
struct AddScaledRows {
  const std::int32_t* sums;  ///< [count, channels]
  const float* row_scales;
  const std::int32_t *x_rows, *y_rows;
  std::int64_t count, channels;
  float* y;  ///< [*, channels]
};
void add_scaled_rows(const AddScaledRows& args);

/// The epilogue of sums, written as floats, as bytes, or as both, to row y_rows[r] (r where null).
struct FinishSums {
  DType dtype;       ///< Of y and of the residual.
  const void* sums;  ///< [rows, channels]: int32 that count sum_scale each, or float32.
  bool float_sums;
  float sum_scale;
  std::int64_t rows, channels;
  RowEpilogue epilogue;  ///< residual is that of row 0 of y.
  const std::int32_t* y_rows;
  void* y;              ///< [*, channels] of dtype, or null.
  std::uint8_t* bytes;  ///< [*, channels], or null.
  ByteScale scale;      ///< Of the bytes.
};
void finish_sums(const FinishSums& args);

}  // namespace gavotte::internal::cpu
