// Sums over the rows of a matrix (the gradient of a bias): rows are cut into pieces that are summed
// by blocks, then the same kernel adds the sums of the pieces. Bytes: M C s, the floor.
#pragma once

#include "cuda/device/convert.h"
#include "cuda/device/rows.h"
#include "cuda/device/stripes.h"

namespace gavotte::internal::cuda {

template <class From, class To>
struct SumColumnsArgs {
  const From* x;  ///< [rows, channels]
  RowCount rows;
  std::int64_t channels;
  std::int64_t fewest_rows;  ///< Of a piece.
  std::int64_t pieces;
  To* sums;  ///< [pieces, channels]; 0 where a piece has no rows
};

/// Accumulates in the type that From or To has as its accumulator: they agree.
template <class From, class To>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kStripeThreads)
    sum_columns_kernel(SumColumnsArgs<From, To> args) {
  using A = Accumulator<From>;
  static_assert(std::is_same_v<A, Accumulator<To>>);
  auto& shared = shared_storage<StripesShared<A>>();
  const std::int64_t rows = args.rows.get();
  const std::int64_t even = (rows + args.pieces - 1) / args.pieces;
  const std::int64_t length = even > args.fewest_rows ? even : args.fewest_rows;
  const std::int64_t tiles = (args.channels + kWarpThreads - 1) / kWarpThreads;
  for (std::int64_t item = block_index(); item < args.pieces * tiles; item += grid_blocks()) {
    const std::int64_t begin = item / tiles * length;
    const std::int64_t end = begin + length < rows ? begin + length : rows;
    const std::int64_t channel = item % tiles * kWarpThreads + lane_index();
    A sum = 0;
    if (channel < args.channels) {
      GAVOTTE_UNROLL(4)
      for (std::int64_t row = begin + warp_index(); row < end; row += kStripes)
        sum += widen(row_of(args.x, row, args.channels)[channel]);
    }
    sum = add_stripes(shared, sum);
    if (warp_index() == 0 && channel < args.channels)
      args.sums[element_at(item / tiles, args.channels, channel)] = narrow<To>(sum);
  }
}

}  // namespace gavotte::internal::cuda
