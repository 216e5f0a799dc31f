// Sums of outer products of rows that are read through indices: the inner kernel of the weights' gradient, for the widest
// vectors of the CPU it runs on (chosen at run time).
#pragma once

#include <cstdint>

#include "cpu/simd/shuffle_ports.h"
#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// Pair j is row x[j] of the inputs and row grad[j] of the outputs' gradients.
struct PairRows {
  const std::int32_t* x = nullptr;
  const std::int32_t* grad = nullptr;
  std::int64_t count = 0;
};

/// sum[i, o] += the sum of x[row, i] * grad[row, o] over the pairs; `=` instead of `+=` where `first`. The order of an
/// element's additions follows from the arguments and the vector width alone.
struct IndirectWgrad {
  DType dtype;       ///< float32 or float64; of PairedWgrad float32, that of the sums.
  const void* x;     ///< Rows of x_stride elements; the first `in` of each are read.
  const void* grad;  ///< Rows of grad_stride elements; the first `out` of each are read.
  std::int64_t x_stride, grad_stride;
  std::int64_t in, out;
  void* sum;  ///< `in` rows of sum_stride elements; the first `out` of each are written.
  std::int64_t sum_stride;
  PairRows pairs;
  PairRows next;  ///< What the call after this one begins with: fetched ahead. May be empty.
  bool first;
  bool scattered = false;                    ///< pairs.x follows no order that the pairs are in.
  bool shuffle_ports = has_shuffle_ports();  ///< Which kernels and pieces are the fastest.
};
void indirect_wgrad(const IndirectWgrad& args);

/// Rows of bfloat16 [.., channels], two at a time.
struct RowsToPair {
  const void* from;
  const std::int32_t* rows;
  std::int64_t count,
      known;  ///< Of the rows, and how many there are in all: those behind are fetched.
  std::int64_t channels;
  void* to;  ///< [ceil(count / 2), channels] of 32 bits
};

/// The same for bfloat16, on a CPU that adds two of its products to a float32 at once.
struct PairedWgrad {
  /// to[i, c] = from[rows[2 i], c] in the lower half, from[rows[2 i + 1], c] in the upper one; 0 where there is no such row.
  void (*pair_rows)(const RowsToPair& args);
  /// Rows of x and grad as pair_rows makes them: an element adds the product of its lower halves and that of its upper ones.
  /// Subnormal numbers count as zeros.
  void (*indirect_wgrad)(const IndirectWgrad& args);
};
/// Null where this CPU does not have AVX512_BF16, or where a lower target is asked for.
const PairedWgrad* paired_wgrad();

}  // namespace gavotte::internal::cpu
