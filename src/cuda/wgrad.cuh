// Gradient of the weights: grad_w[k] = the sum over the pairs (i, o) of offset k of x[i]^T grad_y[o].
// The pairs are cut into pieces (device/pieces.h). One kernel sums each piece in the order of its
// pairs, another adds the pieces of each offset in their order.
//
// Bytes of a piece of n pairs: n (Cin * ceil(Cout / columns) + Cout * ceil(Cin / rows)) s, its
// indices 8 n, and its sums 4 Cin Cout, written and read once more. The floor reads each row of x
// and grad_y once, N Cin s + M Cout s: a factor of up to pairs / N is in L2 where rows repeat.
#pragma once

#include "cuda/device/block_tile.h"
#include "cuda/device/convert.h"
#include "cuda/device/pieces.h"
#include "cuda/device/rows.h"
#include "cuda/device/stripes.h"

namespace gavotte::internal::cuda {

template <class T>
struct MultiplyPiecesArgs {
  const T* x;                    ///< [N, in_channels]
  const T* grad_y;               ///< [M, out_channels]
  const std::int32_t* pair_in;   ///< [pairs]
  const std::int32_t* pair_out;  ///< [pairs]
  Pieces pieces;
  std::int64_t piece_bound;
  std::int64_t in_channels, out_channels, in_group, out_group;
  bool packed;           ///< Rows of x and grad_y can be read four values at a time.
  Accumulator<T>* sums;  ///< [piece_bound, in_group, out_channels]
};

/// A tile of the gradient of one group of channels: rows are input channels of the group, columns
/// output channels.
struct GradientTile {
  std::int64_t row, column;     ///< First ones, of the group.
  std::int64_t in, out;         ///< The same as channels of x and of grad_y.
  int rows_left, columns_left;  ///< Up to the tile's size.
};

template <class Tile, class T>
GAVOTTE_DEVICE GradientTile gradient_tile(const MultiplyPiecesArgs<T>& args, std::int64_t index) {
  const std::int64_t across = (args.out_group + Tile::kColumns - 1) / Tile::kColumns;
  const std::int64_t down = (args.in_group + Tile::kRows - 1) / Tile::kRows;
  const std::int64_t group = index / (across * down);
  GradientTile tile;
  tile.row = index / across % down * Tile::kRows;
  tile.column = index % across * Tile::kColumns;
  tile.in = group * args.in_group + tile.row;
  tile.out = group * args.out_group + tile.column;
  const std::int64_t rows = args.in_group - tile.row, columns = args.out_group - tile.column;
  tile.rows_left = static_cast<int>(rows < Tile::kRows ? rows : Tile::kRows);
  tile.columns_left = static_cast<int>(columns < Tile::kColumns ? columns : Tile::kColumns);
  return tile;
}

/// to[d][...] = channels [first, first + width) of rows[d] of the matrix, d < depth; zeros beyond.
template <int Width, int Stride, class T>
GAVOTTE_DEVICE void stage_rows(const T* matrix, std::int64_t channels, const std::int32_t* rows,
                               int depth, std::int64_t first, int width, bool packed,
                               Accumulator<T> (*to)[Stride]) {
  constexpr int kPacks = Width / 4;
  for (int i = thread_index(); i < depth * kPacks; i += block_threads()) {
    const int d = i / kPacks, column = i % kPacks * 4;
    store_pack(&to[d][column],
               load_four(row_of(matrix, rows[d], channels) + first, column, width, packed));
  }
}

/// Sums of the pieces, a block for each tile of each piece.
template <class Tile, class T>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(Tile::kThreads, Tile::kResidentBlocks)
    multiply_pieces_kernel(MultiplyPiecesArgs<T> args) {
  using A = Accumulator<T>;
  auto& terms = shared_storage<StagedTerms<Tile, A>>();
  const std::int64_t tiles = args.in_channels / args.in_group *
                             ((args.in_group + Tile::kRows - 1) / Tile::kRows) *
                             ((args.out_group + Tile::kColumns - 1) / Tile::kColumns);
  for (std::int64_t item = block_index(); item < args.piece_bound * tiles; item += grid_blocks()) {
    const Piece piece = find_piece(args.pieces, item / tiles);
    if (piece.offset < 0) return;  // the whole block: no later piece exists either
    const GradientTile tile = gradient_tile<Tile>(args, item % tiles);
    A sums[Tile::kThreadRows][Tile::kThreadColumns] = {};
    for (std::int64_t first = piece.begin; first < piece.end; first += Tile::kDepth) {
      const int depth =
          static_cast<int>(piece.end - first < Tile::kDepth ? piece.end - first : Tile::kDepth);
      stage_rows<Tile::kRows>(args.x, args.in_channels, args.pair_in + first, depth, tile.in,
                              tile.rows_left, args.packed, terms.left);
      stage_rows<Tile::kColumns>(args.grad_y, args.out_channels, args.pair_out + first, depth,
                                 tile.out, tile.columns_left, args.packed, terms.right);
      sync_block();
      multiply_add_staged<Tile>(terms, depth, kAllRows, sums);
      sync_block();
    }
    for (int i = 0; i < Tile::kThreadRows; ++i) {
      const int row = Tile::first_row() + i;
      if (row >= tile.rows_left) break;
      A* to = row_of(args.sums, item / tiles * args.in_group + tile.row + row, args.out_channels) +
              tile.out;
      for (int j = 0; j < Tile::kThreadColumns; ++j)
        if (Tile::first_column() + j < tile.columns_left) to[Tile::first_column() + j] = sums[i][j];
    }
  }
}

/// The same where groups are too thin for tiles, depthwise above all: a lane for each weight, the
/// pairs of a piece dealt out to the warps.
template <class T>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kStripeThreads)
    multiply_thin_pieces_kernel(MultiplyPiecesArgs<T> args) {
  using A = Accumulator<T>;
  auto& shared = shared_storage<StripesShared<A>>();
  const std::int64_t volume = args.in_group * args.out_channels;
  const std::int64_t tiles = (volume + kWarpThreads - 1) / kWarpThreads;
  for (std::int64_t item = block_index(); item < args.piece_bound * tiles; item += grid_blocks()) {
    const Piece piece = find_piece(args.pieces, item / tiles);
    if (piece.offset < 0) return;  // the whole block: no later piece exists either
    const std::int64_t weight = item % tiles * kWarpThreads + lane_index();
    A sum = 0;
    if (weight < volume) {
      const std::int64_t out = weight % args.out_channels;
      const std::int64_t in = out / args.out_group * args.in_group + weight / args.out_channels;
      GAVOTTE_UNROLL(4)
      for (std::int64_t j = piece.begin + warp_index(); j < piece.end; j += kStripes)
        sum = std::fma(widen(row_of(args.x, args.pair_in[j], args.in_channels)[in]),
                       widen(row_of(args.grad_y, args.pair_out[j], args.out_channels)[out]), sum);
    }
    sum = add_stripes(shared, sum);
    if (warp_index() == 0 && weight < volume)
      args.sums[element_at(item / tiles, volume, weight)] = sum;
  }
}

template <class T>
struct AddPiecesArgs {
  const Accumulator<T>* sums;  ///< [pieces, volume]
  Pieces pieces;
  std::int64_t volume;
  T* grad_weights;  ///< [offsets, volume]
};

/// grad_weights[k] = the pieces of offset k in their order; 0 where it has none.
template <class T>
GAVOTTE_KERNEL void add_pieces_kernel(AddPiecesArgs<T> args) {
  const std::int64_t tiles = (args.volume + block_threads() - 1) / block_threads();
  for (std::int64_t item = block_index(); item < args.pieces.offsets * tiles;
       item += grid_blocks()) {
    const auto offset = static_cast<int>(item / tiles);
    const PieceRange range = pieces_of(args.pieces, offset);
    const std::int64_t weight = item % tiles * block_threads() + thread_index();
    if (weight < args.volume) {
      Accumulator<T> sum = 0;
      GAVOTTE_UNROLL(4)
      for (std::int64_t piece = range.begin; piece < range.end; ++piece)
        sum += args.sums[element_at(piece, args.volume, weight)];
      args.grad_weights[element_at(offset, args.volume, weight)] = narrow<T>(sum);
    }
  }
}

}  // namespace gavotte::internal::cuda
