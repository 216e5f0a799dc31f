// A block's tile of a matrix product by fused multiply-adds: two strips of terms lie in shared
// memory, each thread holds a rectangle of the sums in registers. Every sum takes its terms one
// after another in the order in which they are staged, so its bits depend on neither the tile's
// shape nor the place of the sum in it.
#pragma once

#include <cmath>

#include "cuda/device/convert.h"
#include "cuda/device/kernel.h"
#include "cuda/device/pack.h"

namespace gavotte::internal::cuda {

/// Rows x Columns sums, ThreadRows x ThreadColumns of them in a thread, Depth terms staged at a time.
template <int Rows, int Columns, int Depth, int ThreadRows, int ThreadColumns>
struct BlockTile {
  static constexpr int kRows = Rows, kColumns = Columns, kDepth = Depth;
  static constexpr int kThreadRows = ThreadRows, kThreadColumns = ThreadColumns;
  static constexpr int kThreadsAcross = Columns / ThreadColumns;
  static constexpr int kThreads = Rows / ThreadRows * kThreadsAcross;
  /// Of a multiprocessor, for launch bounds: leaves a thread 128 registers. Left to itself ptxas takes
  /// fewer and spills.
  static constexpr int kResidentBlocks = 512 / kThreads;
  static_assert(Rows % ThreadRows == 0 && Columns % ThreadColumns == 0 && kThreads % 32 == 0);

  /// Of this thread's rectangle.
  static GAVOTTE_DEVICE int first_row() { return thread_index() / kThreadsAcross * ThreadRows; }
  static GAVOTTE_DEVICE int first_column() {
    return thread_index() % kThreadsAcross * ThreadColumns;
  }
};

/// The staged terms: product (row, column) is the sum over d of left[d][row] * right[d][column].
template <class Tile, class A>
struct StagedTerms {
  /// Keeps packs of 4 aligned; spreads a column that is written down the depth over the banks.
  static constexpr int kPad = 4;
  alignas(16) A left[Tile::kDepth][Tile::kRows + kPad];
  alignas(16) A right[Tile::kDepth][Tile::kColumns + kPad];
};

inline constexpr unsigned kAllRows = ~0U;

/// sums += the products of the first `depth` staged terms, in their order. Bit i of `rows` clear:
/// row i of the thread's rectangle takes nothing, not even 0 * infinity.
template <class Tile, class A>
GAVOTTE_DEVICE void multiply_add_staged(const StagedTerms<Tile, A>& terms, int depth, unsigned rows,
                                        A (&sums)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const int row = Tile::first_row(), column = Tile::first_column();
  GAVOTTE_UNROLL(4)
  for (int d = 0; d < depth; ++d) {
    const auto left = load_pack<Tile::kThreadRows>(&terms.left[d][row]);
    const auto right = load_pack<Tile::kThreadColumns>(&terms.right[d][column]);
    for (int i = 0; i < Tile::kThreadRows; ++i)
      for (int j = 0; j < Tile::kThreadColumns; ++j)
        if ((rows >> i & 1U) != 0) sums[i][j] = std::fma(left[i], right[j], sums[i][j]);
  }
}

/// Four neighbouring values of a row of `columns`, widened, from `column` on; zeros beyond. packed:
/// rows and `columns` are multiples of a pack.
template <class T>
GAVOTTE_DEVICE Pack<Accumulator<T>, 4> load_four(const T* row, int column, int columns,
                                                 bool packed) {
  Pack<Accumulator<T>, 4> values;
  if (packed && column < columns) {
    const auto stored = load_pack<4>(row + column);
    for (int i = 0; i < 4; ++i) values[i] = widen(stored[i]);
  } else {
    for (int i = 0; i < 4; ++i)
      values[i] = column + i < columns ? widen(row[column + i]) : Accumulator<T>{0};
  }
  return values;
}

}  // namespace gavotte::internal::cuda
