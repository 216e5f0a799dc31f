// The kernel that exchanges rows and columns, by tiles in shared memory, so that both sides are read
// and written along their rows; a tile's rows are one element longer, which spreads its columns over
// the banks. Bytes: 2 R C s.
#pragma once

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

inline constexpr int kTransposeTile = 32;
inline constexpr int kTransposeThreads = 256;

template <class Word>
struct TransposeMatrixArgs {
  const Word* x;  ///< [rows, columns]
  Word* y;        ///< [columns, rows]
  std::int64_t rows, columns;
};

template <class Word>
struct TransposeShared {
  Word tile[kTransposeTile][kTransposeTile + 1];
};

template <class Word>
GAVOTTE_KERNEL void transpose_matrix_kernel(TransposeMatrixArgs<Word> args) {
  auto& shared = shared_storage<TransposeShared<Word>>();
  const std::int64_t across = (args.columns + kTransposeTile - 1) / kTransposeTile;
  const std::int64_t tiles = (args.rows + kTransposeTile - 1) / kTransposeTile * across;
  const int lane = thread_index() % kTransposeTile;
  for (std::int64_t tile = block_index(); tile < tiles; tile += grid_blocks()) {
    const std::int64_t row = tile / across * kTransposeTile;
    const std::int64_t column = tile % across * kTransposeTile;
    for (int i = thread_index() / kTransposeTile; i < kTransposeTile;
         i += kTransposeThreads / kTransposeTile)
      if (row + i < args.rows && column + lane < args.columns)
        shared.tile[i][lane] = args.x[(row + i) * args.columns + column + lane];
    sync_block();
    for (int i = thread_index() / kTransposeTile; i < kTransposeTile;
         i += kTransposeThreads / kTransposeTile)
      if (column + i < args.columns && row + lane < args.rows)
        args.y[(column + i) * args.rows + row + lane] = shared.tile[lane][i];
    sync_block();
  }
}

}  // namespace gavotte::internal::cuda
