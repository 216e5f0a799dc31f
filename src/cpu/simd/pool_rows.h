// Rows of features that are made from several rows, for the widest vectors of the CPU they run on (chosen at run time).
// Sums are float, or double for float64, and stay in registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// For r < rows: row y_rows[first + r] of y (first + r where null) is made from counts[r] rows of x in turn: inputs[r],
/// inputs[r + stride] and so on. A row without inputs is 0.
struct PoolRows {
  DType x_dtype, y_dtype;  ///< The same, or for sums float32 and one of 16 bits.
  const void* x;
  void* y;
  std::int64_t channels, first, rows, stride;
  const std::uint32_t* counts;
  const std::int32_t* inputs;
  const std::int32_t* y_rows;
  const std::int32_t* order = nullptr;  ///< [rows]: r as they are taken, or null: in their order.
  const float* scales = nullptr;        ///< Of rows of x, for sums of 16-bit dtypes; null: 1.
};

/// The sum over `divisor`; 0: over the number of inputs. Of scaled rows the sum.
void average_rows(const PoolRows& args, std::int64_t divisor);
/// The largest; NaN where one is NaN; of equals the first.
void max_rows(const PoolRows& args);

/// Which input has won each element of an output: labels as the inputs.
struct Winners {
  const std::int32_t* labels;
  void* winners;       ///< [rows of y, channels]: labels, int32
  bool bytes = false;  ///< or uint8: labels are below kNoByteLabel.
};
constexpr std::int32_t kNoByteLabel = 255;

/// The sum of the channels c of inputs whose winners[row of x, c] is the input's label.
void add_won(const PoolRows& args, const Winners& won);
/// winners[row of y, c]: the label of the first input that equals y there, NaN being equal to NaN; -1, of bytes
/// kNoByteLabel, where there is none. y of the args is read, and not of accumulators.
void find_winners(const PoolRows& args, const Winners& won);

/// y, accumulators [channels], is made from the rows order[i] of x (i where null), first <= i < end, in turn. At least one.
struct JoinRows {
  DType dtype;  ///< Of x.
  const void* x;
  std::int64_t channels;
  const std::int32_t* order;
  std::int64_t first, end;
  void* y;
};
void sum_of_rows(const JoinRows& args);
/// As max_rows.
void max_of_rows(const JoinRows& args);

/// For r < rows: row y_rows[first + r] (first + r where null) of y, accumulators, is that of x over counts[r], or over
/// `divisor` where counts is null.
struct DivideRows {
  DType dtype;  ///< Of x.
  const void* x;
  void* y;
  std::int64_t channels, first, rows;
  const std::uint32_t* counts;
  std::int64_t divisor;
  const std::int32_t* y_rows;
};
void divide_rows(const DivideRows& args);

}  // namespace gavotte::internal::cpu
