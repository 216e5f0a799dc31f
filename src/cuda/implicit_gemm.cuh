// The output-stationary dataflow: a block holds the sums of a tile of output rows and channels in
// registers while it walks over the offsets, and finishes them there. Inputs are fetched through the
// dense table; an offset that no row of the tile has costs its row of the table and a vote.
//
// Bytes: through L2 the inputs once for each tile of output channels, pairs * Cin * ceil(Cout /
// columns) * s, the weights of the offsets in use once for each tile of rows, and the table, 4 K M,
// once for each tile of output channels; y is written once. Floor: N Cin s + M Cout s + K Cin Cout s
// and the table.
#pragma once

#include "cuda/device/block_tile.h"
#include "cuda/device/epilogue.h"
#include "cuda/device/row_lanes.h"
#include "cuda/device/rows.h"

namespace gavotte::internal::cuda {

template <class T>
struct ImplicitGemmArgs {
  const T* x;                 ///< [N, in_channels]
  const T* weights;           ///< [offsets, in_group, out_channels]
  const std::int32_t* table;  ///< [offsets, table_rows]: the input row, or -1
  std::int64_t table_rows;
  RowCount rows;
  int offsets;
  std::int64_t in_channels, out_channels, in_group, out_group;
  bool packed_x, packed_weights, packed_y;  ///< Can be read or written four values at a time.
  RowEpilogue<T> epilogue;
  T* y;  ///< [rows, out_channels]
};

/// Offsets whose rows of the table are in shared memory at a time.
inline constexpr int kOffsetBatch = 32;

template <class Tile, class A>
struct ImplicitGemmShared {
  StagedTerms<Tile, A> terms;
  std::int32_t inputs[kOffsetBatch][Tile::kRows];  ///< Input rows of the tile's rows, or -1.
  std::int32_t in_use[kOffsetBatch];               ///< Not 0 where any of them is a row.
};

/// Sums of output rows and of channels of one group.
struct OutputTile {
  std::int64_t row;      ///< First one.
  std::int64_t in, out;  ///< First channel of the group in x, first channel of the tile in y.
  int rows_left, columns_left;  ///< Up to the tile's size.
};

template <class Tile, class T>
GAVOTTE_DEVICE OutputTile output_tile(const ImplicitGemmArgs<T>& args, std::int64_t rows,
                                      std::int64_t index) {
  const std::int64_t across = (args.out_group + Tile::kColumns - 1) / Tile::kColumns;
  const std::int64_t groups = args.out_channels / args.out_group;
  const std::int64_t column = index % across * Tile::kColumns, group = index / across % groups;
  OutputTile tile;
  tile.row = index / (across * groups) * Tile::kRows;
  tile.in = group * args.in_group;
  tile.out = group * args.out_group + column;
  const std::int64_t rows_left = rows - tile.row, columns_left = args.out_group - column;
  tile.rows_left = static_cast<int>(rows_left < Tile::kRows ? rows_left : Tile::kRows);
  tile.columns_left =
      static_cast<int>(columns_left < Tile::kColumns ? columns_left : Tile::kColumns);
  return tile;
}

/// The tile's rows of the table for `count` offsets from `first` on, and the votes: a warp for each.
template <class Tile, class T>
GAVOTTE_DEVICE void stage_inputs(const ImplicitGemmArgs<T>& args, const OutputTile& tile, int first,
                                 int count, ImplicitGemmShared<Tile, Accumulator<T>>& shared) {
  for (int k = warp_index(); k < count; k += Tile::kThreads / kWarpThreads) {
    const std::int32_t* inputs = row_of(args.table, first + k, args.table_rows) + tile.row;
    bool any = false;
    for (int row = lane_index(); row < Tile::kRows; row += kWarpThreads) {
      const std::int32_t input = row < tile.rows_left ? inputs[row] : -1;
      shared.inputs[k][row] = input;
      any = any || input >= 0;
    }
    const unsigned votes = ballot(kFullMask, any);
    if (lane_index() == 0) shared.in_use[k] = votes != 0 ? 1 : 0;
  }
}

/// terms.left[c][row] = channel `first` + c of the row's input, terms.right[c] = those of the weights;
/// zeros beyond.
template <class Tile, class T>
GAVOTTE_DEVICE void stage_terms(const ImplicitGemmArgs<T>& args, const OutputTile& tile, int offset,
                                const std::int32_t* inputs, std::int64_t first, int depth,
                                StagedTerms<Tile, Accumulator<T>>& terms) {
  constexpr int kDepthPacks = Tile::kDepth / 4, kColumnPacks = Tile::kColumns / 4;
  for (int i = thread_index(); i < Tile::kRows * kDepthPacks; i += Tile::kThreads) {
    const int row = i / kDepthPacks, c = i % kDepthPacks * 4;
    Pack<Accumulator<T>, 4> values = {};
    if (inputs[row] >= 0)
      values = load_four(row_of(args.x, inputs[row], args.in_channels) + tile.in + first, c, depth,
                         args.packed_x);
    for (int j = 0; j < 4; ++j) terms.left[c + j][row] = values[j];
  }
  const T* weights =
      row_of(args.weights, element_at(offset, args.in_group, first), args.out_channels) + tile.out;
  for (int i = thread_index(); i < depth * kColumnPacks; i += Tile::kThreads) {
    const int c = i / kColumnPacks, column = i % kColumnPacks * 4;
    store_pack(&terms.right[c][column], load_four(row_of(weights, c, args.out_channels), column,
                                                  tile.columns_left, args.packed_weights));
  }
}

/// The inner tile: adds the products of one offset to the sums, input channel after input channel.
/// A form for the matrix units takes the place of this function and of `sums`.
template <class Tile, class T>
GAVOTTE_DEVICE void accumulate_offset(
    const ImplicitGemmArgs<T>& args, const OutputTile& tile, int offset, const std::int32_t* inputs,
    StagedTerms<Tile, Accumulator<T>>& terms,
    Accumulator<T> (&sums)[Tile::kThreadRows][Tile::kThreadColumns]) {
  unsigned present = 0;
  for (int i = 0; i < Tile::kThreadRows; ++i)
    if (inputs[Tile::first_row() + i] >= 0) present |= 1U << i;
  for (std::int64_t first = 0; first < args.in_group; first += Tile::kDepth) {
    const std::int64_t left = args.in_group - first;
    const int depth = static_cast<int>(left < Tile::kDepth ? left : Tile::kDepth);
    stage_terms<Tile>(args, tile, offset, inputs, first, depth, terms);
    sync_block();
    multiply_add_staged<Tile>(terms, depth, present, sums);
    sync_block();
  }
}

template <class Tile, class T>
GAVOTTE_DEVICE void finish_sums(
    const ImplicitGemmArgs<T>& args, const OutputTile& tile,
    const Accumulator<T> (&sums)[Tile::kThreadRows][Tile::kThreadColumns]) {
  constexpr int kPack = Tile::kThreadColumns;
  const int column = Tile::first_column();
  GAVOTTE_UNROLL(Tile::kThreadRows)  // or the sums would lie in local memory
  for (int i = 0; i < Tile::kThreadRows; ++i) {
    if (Tile::first_row() + i >= tile.rows_left) break;
    const std::int64_t row = tile.row + Tile::first_row() + i;
    T* y = row_of(args.y, row, args.out_channels) + tile.out + column;
    if (args.packed_y && column < tile.columns_left) {
      Pack<Accumulator<T>, kPack> values;
      for (int j = 0; j < kPack; ++j) values[j] = sums[i][j];
      finish_pack<T, kPack>(values, args.epilogue, row, tile.out + column, args.out_channels);
      Pack<T, kPack> stored;
      for (int j = 0; j < kPack; ++j) stored[j] = narrow<T>(values[j]);
      store_pack(y, stored);
    } else {
      for (int j = 0; j < kPack; ++j)
        if (column + j < tile.columns_left)
          y[j] = narrow<T>(
              finish(sums[i][j], args.epilogue, row, tile.out + column + j, args.out_channels));
    }
  }
}

template <class Tile, class T>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(Tile::kThreads, Tile::kResidentBlocks)
    convolve_tiles_kernel(ImplicitGemmArgs<T> args, Stop stop) {
  using A = Accumulator<T>;
  static_assert(Tile::kThreadColumns == 4);
  auto& shared = shared_storage<ImplicitGemmShared<Tile, A>>();
  const std::int64_t rows = args.rows.get();
  const std::int64_t tiles = (rows + Tile::kRows - 1) / Tile::kRows *
                             (args.out_channels / args.out_group) *
                             ((args.out_group + Tile::kColumns - 1) / Tile::kColumns);
  for (std::int64_t index = block_index(); index < tiles && stop.goes_on();
       index += grid_blocks()) {
    const OutputTile tile = output_tile<Tile>(args, rows, index);
    A sums[Tile::kThreadRows][Tile::kThreadColumns] = {};
    for (int first = 0; first < args.offsets; first += kOffsetBatch) {
      const int count = args.offsets - first < kOffsetBatch ? args.offsets - first : kOffsetBatch;
      stage_inputs<Tile>(args, tile, first, count, shared);
      sync_block();
      for (int k = 0; k < count; ++k)
        if (shared.in_use[k] != 0)  // alike in the whole block
          accumulate_offset<Tile>(args, tile, first + k, shared.inputs[k], shared.terms, sums);
      sync_block();  // the votes have been read
    }
    finish_sums<Tile>(args, tile, sums);
  }
}

template <class T>
struct ImplicitThinArgs {
  ImplicitGemmArgs<T> gemm;
  RowLanes lanes;  ///< Of out_channels items.
};

/// The same where groups are too thin for tiles, depthwise above all: a thread for each output.
template <class T>
GAVOTTE_KERNEL void convolve_thin_kernel(ImplicitThinArgs<T> thin, Stop stop) {
  const ImplicitGemmArgs<T>& args = thin.gemm;
  for_each_row_item(
      thin.lanes, args.rows.get(), args.out_channels, stop,
      [&](std::int64_t row, std::int64_t out) {
        const std::int64_t in = out / args.out_group * args.in_group;
        Accumulator<T> sum = 0;
        GAVOTTE_UNROLL(4)
        for (int k = 0; k < args.offsets; ++k) {
          const std::int32_t input = row_of(args.table, k, args.table_rows)[row];
          if (input < 0) continue;
          const T* x = row_of(args.x, input, args.in_channels) + in;
          const T* weights =
              row_of(args.weights, element_at(k, args.in_group), args.out_channels) + out;
          for (std::int64_t i = 0; i < args.in_group; ++i)
            sum = std::fma(widen(x[i]), widen(weights[element_at(i, args.out_channels)]), sum);
        }
        row_of(args.y, row, args.out_channels)[out] =
            narrow<T>(finish(sum, args.epilogue, row, out, args.out_channels));
      });
}

}  // namespace gavotte::internal::cuda
