// The kernels around Minuet's GEMMs. Bytes, with P pairs, Q rows with their padding, a bytes an
// accumulator: gather P Cin s + Q Cin s, places 4 K M + 8 P, sums P Cout a + 4 K M + M Cout s.
#pragma once

#include "cuda/device/epilogue.h"
#include "cuda/device/row_lanes.h"
#include "cuda/device/rows.h"
#include "cuda/device/search.h"

namespace gavotte::internal::cuda {

template <class T>
struct GatherSlotsArgs {
  const T* x;                      ///< [N, channels]
  const std::int64_t* pair_begin;  ///< [offsets + 1]
  const std::int32_t* pair_in;     ///< [pairs]
  const std::int32_t* order;       ///< [members]: the offset that has these slots
  const std::int64_t* slot_begin;  ///< [members + 1]
  std::int32_t members;
  std::int64_t slots, channels;
  T* gathered;     ///< [slots, channels]
  RowLanes lanes;  ///< Of channels / N items.
};

/// The inputs of each member's pairs, then zeros up to the rows of its group.
template <class T, int N>
GAVOTTE_KERNEL void gather_slots_kernel(GatherSlotsArgs<T> args, Stop stop) {
  for_each_row_item(
      args.lanes, args.slots, args.channels / N, stop, [&](std::int64_t slot, std::int64_t item) {
        const std::int32_t member = last_at_most(args.slot_begin, args.members, slot);
        const std::int32_t offset = args.order[member];
        const std::int64_t pair = args.pair_begin[offset] + slot - args.slot_begin[member];
        Pack<T, N> values = {};
        if (pair < args.pair_begin[offset + 1])
          values = load_pack<N>(row_of(args.x, args.pair_in[pair], args.channels) + item * N);
        store_pack(row_of(args.gathered, slot, args.channels) + item * N, values);
      });
}

struct MarkPlacesArgs {
  const std::int64_t* pair_begin;  ///< [offsets + 1]
  const std::int32_t* pair_out;    ///< [pairs]
  std::int32_t offsets;
  std::int64_t pairs, rows;
  std::int32_t* places;  ///< [offsets, rows], -1 before
};

/// places[k][row] = which of the pairs of offset k the row has.
GAVOTTE_KERNEL void mark_places_kernel(MarkPlacesArgs args, Stop stop) {
  for_each_item(args.pairs, stop, [&](std::int64_t pair) {
    const std::int32_t offset = last_at_most(args.pair_begin, args.offsets, pair);
    row_of(args.places, offset, args.rows)[args.pair_out[pair]] =
        static_cast<std::int32_t>(pair - args.pair_begin[offset]);
  });
}

template <class T>
struct SumPlacesArgs {
  const Accumulator<T>* products;  ///< [*, channels]
  const std::int64_t* base;        ///< [offsets]: the row of products of an offset's first pair
  const std::int32_t* places;      ///< [offsets, rows]
  std::int32_t offsets;
  std::int64_t rows, channels;
  RowEpilogue<T> epilogue;
  T* y;            ///< [rows, channels]
  RowLanes lanes;  ///< Of channels / N items.
};

/// y = epilogue of the sum of each row's products in the order of the offsets.
template <class T, int N>
GAVOTTE_KERNEL void sum_places_kernel(SumPlacesArgs<T> args, Stop stop) {
  for_each_row_item(
      args.lanes, args.rows, args.channels / N, stop, [&](std::int64_t row, std::int64_t item) {
        const std::int64_t channel = item * N;
        Pack<Accumulator<T>, N> sums = {};
        GAVOTTE_UNROLL(4)
        for (std::int32_t k = 0; k < args.offsets; ++k) {
          const std::int32_t place = row_of(args.places, k, args.rows)[row];
          if (place < 0) continue;
          const auto product =
              load_pack<N>(row_of(args.products, args.base[k] + place, args.channels) + channel);
          for (int n = 0; n < N; ++n) sums[n] = sums[n] + product[n];
        }
        finish_pack<T, N>(sums, args.epilogue, row, channel, args.channels);
        Pack<T, N> y;
        for (int n = 0; n < N; ++n) y[n] = narrow<T>(sums[n]);
        store_pack(row_of(args.y, row, args.channels) + channel, y);
      });
}

}  // namespace gavotte::internal::cuda
