// The kernel that exchanges rows and columns, of a matrix or of each group of channels of each kernel
// offset, by tiles in shared memory, so that both sides are read and written along their rows; a
// tile's rows are one element longer, which spreads its columns over the banks. Bytes: 2 s an element.
#pragma once

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

inline constexpr int kTransposeTile = 32;
inline constexpr int kTransposeThreads = 256;

template <class Word>
struct TransposeArgs {
  const Word* x;  ///< [batches, rows, groups * columns]
  Word* y;        ///< [batches, columns, groups * rows]
  std::int64_t batches, groups, rows, columns;
};

template <class Word>
struct TransposeShared {
  Word tile[kTransposeTile][kTransposeTile + 1];
};

template <class Word>
GAVOTTE_KERNEL void transpose_kernel(TransposeArgs<Word> args) {
  auto& shared = shared_storage<TransposeShared<Word>>();
  constexpr int kRowsAtOnce = kTransposeThreads / kTransposeTile;
  const int lane = thread_index() % kTransposeTile, first = thread_index() / kTransposeTile;
  const std::int64_t down = (args.rows + kTransposeTile - 1) / kTransposeTile;
  const std::int64_t across = (args.columns + kTransposeTile - 1) / kTransposeTile;
  const std::int64_t tiles = args.batches * args.groups * down * across;
  for (std::int64_t tile = block_index(); tile < tiles; tile += grid_blocks()) {
    const std::int64_t column = tile % across * kTransposeTile;
    const std::int64_t row = tile / across % down * kTransposeTile;
    const std::int64_t group = tile / (across * down) % args.groups;
    const std::int64_t batch = tile / (across * down * args.groups);
    const std::int64_t base = batch * args.groups * args.rows * args.columns;
    const Word* x = args.x + base + group * args.columns;
    Word* y = args.y + base + group * args.rows;
    for (int i = first; i < kTransposeTile; i += kRowsAtOnce)
      if (row + i < args.rows && column + lane < args.columns)
        shared.tile[i][lane] = x[(row + i) * args.groups * args.columns + column + lane];
    sync_block();
    for (int i = first; i < kTransposeTile; i += kRowsAtOnce)
      if (column + i < args.columns && row + lane < args.rows)
        y[(column + i) * args.groups * args.rows + row + lane] = shared.tile[lane][i];
    sync_block();
  }
}

}  // namespace gavotte::internal::cuda
