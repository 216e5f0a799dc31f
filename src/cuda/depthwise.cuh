// Output-stationary: a thread has a few channels of an output row and walks the row's offsets.
// Bytes: P Cin s mostly from the L2 cache, M Cout s for y, 4 P for the input rows; the floor is
// (N Cin + M Cout) s and the map.
#pragma once

#include <cmath>

#include "cuda/device/epilogue.h"
#include "cuda/device/row_lanes.h"
#include "cuda/device/search.h"
#include "cuda/partial_rows.h"

namespace gavotte::internal::cuda {

struct ListInputsArgs {
  const std::int64_t* pair_begin;  ///< [offsets + 1]
  const std::int32_t* pair_in;
  const std::int32_t* pair_out;
  std::int32_t offsets;
  RowCount pairs;
  PartialRows places;
  std::int32_t* inputs;  ///< [pairs], by output row and then by offset
};

GAVOTTE_KERNEL void list_inputs_kernel(ListInputsArgs args, Stop stop) {
  for_each_item(args.pairs.get(), stop, [&](std::int64_t pair) {
    const std::int32_t offset = last_at_most(args.pair_begin, args.offsets, pair);
    args.inputs[args.places.place(args.pair_out[pair], offset)] = args.pair_in[pair];
  });
}

template <class T>
struct MultiplyChannelsArgs {
  const T* x;        ///< [N, in_channels]
  const T* weights;  ///< [K, channels]
  PartialRows places;
  const std::int32_t* inputs;  ///< Null: each row is its own input, at offset 0.
  RowCount rows;
  std::int64_t in_channels, channels;
  std::int64_t multiplier;  ///< Output channels of an input channel; 1 where N is not.
  RowEpilogue<T> epilogue;
  T* y;
  RowLanes lanes;  ///< Of channels / N items.
};

/// Calls body(input row, offset) for each pair of the output row, offsets ascending.
template <class T, class Body>
GAVOTTE_DEVICE void for_each_pair_of(const MultiplyChannelsArgs<T>& args, std::int64_t row,
                                     Body&& body) {
  if (args.inputs == nullptr) return body(row, 0);
  const std::int32_t* input = args.inputs + args.places.begin[row];
  for (std::int32_t word = 0; word < args.places.words; ++word)
    for (unsigned bits = args.places.masks[row * args.places.words + word]; bits != 0;
         bits &= bits - 1)
      body(static_cast<std::int64_t>(*input++), 32 * word + lowest_bit(bits));
}

template <class T, int N>
GAVOTTE_KERNEL void multiply_channels_kernel(MultiplyChannelsArgs<T> args, Stop stop) {
  for_each_row_item(args.lanes, args.rows.get(), args.channels / N, stop,
                    [&](std::int64_t row, std::int64_t item) {
                      const std::int64_t channel = item * N;
                      const std::int64_t in_channel = N > 1 ? channel : channel / args.multiplier;
                      Pack<Accumulator<T>, N> sums;
                      for (int n = 0; n < N; ++n) sums[n] = 0;
                      for_each_pair_of(args, row, [&](std::int64_t input, std::int32_t offset) {
                        const auto x = load_pack<N>(args.x + input * args.in_channels + in_channel);
                        const auto weight =
                            load_pack<N>(args.weights + offset * args.channels + channel);
                        for (int n = 0; n < N; ++n)
                          sums[n] = std::fma(widen(x[n]), widen(weight[n]), sums[n]);
                      });
                      finish_pack<T, N>(sums, args.epilogue, row, channel, args.channels);
                      Pack<T, N> y;
                      for (int n = 0; n < N; ++n) y[n] = narrow<T>(sums[n]);
                      store_pack(args.y + row * args.channels + channel, y);
                    });
}

}  // namespace gavotte::internal::cuda
