// Bytes: 4 P for the output rows of the pairs; the masks (4 M a word) mostly stay in the L2 cache.
#pragma once

#include "cuda/device/search.h"
#include "cuda/device/stop.h"
#include "cuda/partial_rows.h"

namespace gavotte::internal::cuda {

struct MarkOffsetsArgs {
  const std::int64_t* pair_begin;  ///< [offsets + 1]
  const std::int32_t* pair_out;    ///< [pairs]
  std::int32_t offsets, words;
  RowCount pairs;
  std::uint32_t* masks;  ///< [M, words], zeros before
};

/// Which offsets each output row has. A bit is set once only; the order does not matter.
GAVOTTE_KERNEL void mark_offsets_kernel(MarkOffsetsArgs args, Stop stop) {
  for_each_item(args.pairs.get(), stop, [&](std::int64_t pair) {
    const std::int32_t offset = last_at_most(args.pair_begin, args.offsets, pair);
    const std::int64_t row = args.pair_out[pair];
    atomic_or(args.masks + row * args.words + offset / 32, 1U << offset % 32);
  });
}

struct CountOffsetsArgs {
  const std::uint32_t* masks;
  std::int32_t words;
  std::int64_t rows;
  std::int64_t* counts;  ///< [rows + 1]; the last one is 0
};

GAVOTTE_KERNEL void count_offsets_kernel(CountOffsetsArgs args, Stop stop) {
  for_each_item(args.rows + 1, stop, [&](std::int64_t row) {
    std::int64_t count = 0;
    if (row < args.rows)
      for (std::int32_t word = 0; word < args.words; ++word)
        count += count_bits(args.masks[row * args.words + word]);
    args.counts[row] = count;
  });
}

}  // namespace gavotte::internal::cuda
