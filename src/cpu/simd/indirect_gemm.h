// Products of rows that are read and added up through indices: the inner kernel of tile_indirect,
// for the widest vectors of the CPU it runs on (chosen at run time).
#pragma once

#include <cstdint>

#include "cpu/simd/pack_panels.h"
#include "cpu/simd/shuffle_ports.h"
#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// What features of `dtype` are multiplied by a matrix [in, out] as: float32 and float64 themselves; bfloat16 itself where the
/// CPU multiplies it and has no faster kernel of float32 for so few columns; uint8 itself; else float32, into which they are
/// converted beforehand.
DType product_dtype(DType dtype, std::int64_t in, std::int64_t out);
/// Whether features of `dtype` are multiplied by such a matrix in matrix tiles, from memory as they are.
bool multiplies_by_tiles(DType dtype, std::int64_t in, std::int64_t out, bool matrix_tiles);

/// The panels of a matrix [in, out] of a product_dtype that indirect_gemm of this CPU reads; they
/// are 64-byte aligned.
PanelLayout panel_layout(DType dtype, std::int64_t in, std::int64_t out);

/// y[y_rows[j]] += x[x_rows[j]] * weights for j < count; `=` instead of `+=` where `first`. No row
/// of y occurs twice. What is added to an element is a chain of fused multiply-adds over the input
/// channels or the sum of two or four chains, of every second or fourth channel; where there are few
/// channels the chain may begin with what y held instead. Which it is depends on the CPU, the
/// channels and the strides, so that the bits of y depend on the order of calls but not on how pairs
/// are cut into calls. bfloat16: a chain takes the second channel of each pair before the first,
/// reads subnormal inputs as zeros and writes subnormal sums as zeros; by matrix tiles, what is added
/// to y is a sum over up to 256 input channels, whose parts of 32 are two chains, of the first and of
/// the second channels of the pairs, added to each other. uint8: rows of bytes times panels whose
/// bytes are those of int8; the sums are int32 and exact, modulo 2^32.
struct IndirectGemm {
  DType dtype;    ///< Of x and the panels: a product_dtype.
  const void* x;  ///< Rows of x_stride elements; the first `in` of each are read.
  std::int64_t x_stride;
  const void* panels;
  std::int64_t in, out;
  void* y;  ///< Accumulators: rows of y_stride elements; the first `out` of each are written.
  std::int64_t y_stride;
  const std::int32_t *x_rows, *y_rows;
  std::int64_t count;
  bool first;
  bool scattered = false;  ///< x_rows are in no order.
  /// uint8: int32 [out] that are added to each of the rows, too; null: nothing.
  const std::int32_t* added = nullptr;
  bool matrix_tiles = false;                 ///< By matrix tiles, where CPU and system have them.
  bool shuffle_ports = has_shuffle_ports();  ///< Which kernels are the fastest; any CPU runs both.
  /// Panels of the call after this one where all panels are more than the second-level cache holds: they are fetched into
  /// it meanwhile, one after the other. Null: none.
  const void* next = nullptr;
};
void indirect_gemm(const IndirectGemm& args);

}  // namespace gavotte::internal::cpu
