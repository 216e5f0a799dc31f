// Bytes: 2 K Cin / groups Cout s. Weights are small beside features; a block turns a square of them
// through shared memory, so that both sides are read and written in rows.
#pragma once

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

inline constexpr int kWeightSquareSide = 32, kWeightSquareThreads = 256;

template <class Word>
struct TransposeWeightsArgs {
  const Word* from;  ///< [K, in_group, groups * out_group]
  Word* to;          ///< [K, out_group, groups * in_group]
  std::int64_t offsets;
  std::int32_t groups, in_group, out_group;
};

template <class Word>
struct TransposeWeightsShared {
  Word square[kWeightSquareSide][kWeightSquareSide + 1];
};

template <class Word>
GAVOTTE_KERNEL void transpose_weights_kernel(TransposeWeightsArgs<Word> args) {
  auto& shared = shared_storage<TransposeWeightsShared<Word>>();
  constexpr int kRowsAtOnce = kWeightSquareThreads / kWeightSquareSide;
  const int lane = thread_index() % kWeightSquareSide, first = thread_index() / kWeightSquareSide;
  const std::int64_t down = (args.in_group + kWeightSquareSide - 1) / kWeightSquareSide;
  const std::int64_t across = (args.out_group + kWeightSquareSide - 1) / kWeightSquareSide;
  const std::int64_t squares = args.offsets * args.groups * down * across;
  for (std::int64_t i = block_index(); i < squares; i += grid_blocks()) {
    const std::int64_t column = i % across * kWeightSquareSide,
                       row = i / across % down * kWeightSquareSide;
    const std::int64_t group = i / (across * down) % args.groups;
    const std::int64_t volume = std::int64_t{args.groups} * args.in_group * args.out_group;
    const std::int64_t base = i / (across * down * args.groups) * volume;
    for (int r = first; r < kWeightSquareSide; r += kRowsAtOnce)
      if (row + r < args.in_group && column + lane < args.out_group)
        shared.square[r][lane] = args.from[base + (row + r) * args.groups * args.out_group +
                                           group * args.out_group + column + lane];
    sync_block();
    for (int r = first; r < kWeightSquareSide; r += kRowsAtOnce)
      if (column + r < args.out_group && row + lane < args.in_group)
        args.to[base + (column + r) * args.groups * args.in_group + group * args.in_group + row +
                lane] = shared.square[lane][r];
    sync_block();
  }
}

}  // namespace gavotte::internal::cuda
