// Bytes: 2 P C s + 4 P for the indices. Rows of x that several pairs read come from the L2 cache
// after the first: with channel tiles fewer bytes of x have to stay there.
#pragma once

#include "cuda/device/kernel.h"
#include "cuda/device/row_lanes.h"

namespace gavotte::internal::cuda {

template <class Word>
struct GatherInputsArgs {
  const Word* from;
  Word* to;
  const std::int64_t* pair_begin;
  const std::int32_t* pair_in;
  std::int32_t identity;  ///< Its pairs, which need no copy, are left out; -1: none.
  RowCount pairs;
  std::int64_t words, tile_words;  ///< Of a row; words % tile_words may be anything.
  RowLanes lanes;                  ///< Of tile_words items.
};

template <class Word>
GAVOTTE_KERNEL void gather_inputs_kernel(GatherInputsArgs<Word> args, Stop stop) {
  std::int64_t rows = args.pairs.get(), hole = rows, hole_rows = 0;
  if (args.identity >= 0) {
    hole = args.pair_begin[args.identity];
    hole_rows = args.pair_begin[args.identity + 1] - hole;
    rows -= hole_rows;
  }
  for (std::int64_t first = 0; first < args.words; first += args.tile_words) {
    const std::int64_t rest = args.words - first;
    for_each_row_item(args.lanes, rows, rest < args.tile_words ? rest : args.tile_words, stop,
                      [&](std::int64_t row, std::int64_t item) {
                        const std::int64_t pair = row < hole ? row : row + hole_rows;
                        const std::int64_t from = args.pair_in[pair];
                        args.to[row * args.words + first + item] =
                            args.from[from * args.words + first + item];
                      });
  }
}

}  // namespace gavotte::internal::cuda
