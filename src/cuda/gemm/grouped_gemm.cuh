// The kernel of grouped_gemm.h over a tile of fma_tile.h or mma_tile.h.
//
// Bytes: a tile reads its rows, (rows) Cin s, and its offset's weights, Cin Columns s, mostly from the
// L2 cache; it writes rows Columns accumulators. With P pairs the floor is P (Cin s + Cout a), of
// which other column tiles of the same rows read the inputs once more from the L2 cache.
#pragma once

#include "cuda/device/copy_block.h"
#include "cuda/device/epilogue.h"
#include "cuda/device/stop.h"
#include "cuda/gemm/grouped_gemm.h"

namespace gavotte::internal::cuda {

template <class T>
struct GroupedGemmArgs {
  using A = Accumulator<T>;
  const T* x = nullptr;
  const T* weights = nullptr;
  std::int32_t in_channels = 0, out_channels = 0;
  std::int32_t in_group = 0, out_group = 0;        ///< Channels of a group.
  std::int32_t group_columns = 0;                  ///< Column tiles of a group.
  std::int32_t column_tiles = 0;                   ///< Of all groups.
  std::int32_t input_bytes = 0, weight_bytes = 0;  ///< Copied at a time.
  bool wide_output = false;                        ///< Outputs may be written in packs.

  // Pairs; products null where rows of x are meant.
  GemmTiles tiles;
  const std::int64_t* pair_begin = nullptr;
  const std::int32_t* pair_out = nullptr;
  std::int32_t identity = -1;
  const T* gathered = nullptr;
  PartialRows places;
  A* products = nullptr;

  // Rows of x.
  RowCount rows;
  std::int32_t least_tall_tiles = 0;  ///< Fewer would leave multiprocessors idle.
  RowEpilogue<T> epilogue;
  T* y = nullptr;
};

inline constexpr int kGemmStages =
    3;  ///< Blocks of k in shared memory: one at work, two on their way.

template <class Tile>
struct GemmTileShared {
  union {
    typename Tile::Stage stages[kGemmStages];
    alignas(16) typename Tile::Sum products[Tile::kRows * Tile::kProductStride];
  };
  std::int64_t output_rows[Tile::kRows];
};

template <class Tall, class Flat>
struct GroupedGemmShared {
  union {
    GemmTileShared<Tall> tall;
    GemmTileShared<Flat> flat;
  };
};

/// Tile `index` of the rows of x, in tiles of `height`.
template <class T>
GAVOTTE_DEVICE GemmTile tile_of_rows(const GroupedGemmArgs<T>& args, std::int64_t index,
                                     std::int32_t height) {
  const std::int64_t first = index * height, rows = args.rows.get() - first;
  return {first, rows < height ? static_cast<std::int32_t>(rows) : height, 0};
}

template <class Tall, class Flat, class T>
GAVOTTE_DEVICE TileCounts count_tiles(const GroupedGemmArgs<T>& args) {
  if (args.products != nullptr) return *args.tiles.counts;
  const std::int64_t rows = args.rows.get();
  const auto tall = static_cast<std::int32_t>((rows + Tall::kRows - 1) / Tall::kRows);
  if (tall >= args.least_tall_tiles) return {tall, tall};
  return {0, static_cast<std::int32_t>((rows + Flat::kRows - 1) / Flat::kRows)};
}

/// The tile's first input row.
template <class T>
GAVOTTE_DEVICE const T* inputs_of(const GroupedGemmArgs<T>& args, const GemmTile& tile) {
  if (args.products == nullptr) return args.x + tile.pair * args.in_channels;
  if (args.identity < 0 || tile.offset < args.identity)
    return args.gathered + tile.pair * args.in_channels;
  const std::int64_t begin = args.pair_begin[args.identity];
  if (tile.offset == args.identity) return args.x + (tile.pair - begin) * args.in_channels;
  const std::int64_t end = args.pair_begin[args.identity + 1];
  return args.gathered + (tile.pair - (end - begin)) * args.in_channels;
}

/// Row of products or y for each row of the tile.
template <class T>
GAVOTTE_DEVICE void find_output_rows(const GroupedGemmArgs<T>& args, const GemmTile& tile,
                                     std::int64_t* output_rows) {
  for (int r = thread_index(); r < tile.rows; r += block_threads())
    output_rows[r] = args.products != nullptr
                         ? args.places.place(args.pair_out[tile.pair + r], tile.offset)
                         : tile.pair + r;
}

/// Columns [column, column + columns) of the tile's rows, N at a time.
template <class Tile, int N, class T>
GAVOTTE_DEVICE void write_products(const GroupedGemmArgs<T>& args,
                                   const GemmTileShared<Tile>& shared, std::int32_t rows,
                                   std::int32_t column, std::int32_t columns) {
  constexpr int kItems = Tile::kColumns / N;
  GAVOTTE_UNROLL(2)
  for (int i = thread_index(); i < rows * kItems; i += Tile::kThreads) {
    const int row = i / kItems, own = i % kItems * N;
    if (own >= columns) continue;
    auto values = load_pack<N>(shared.products + row * Tile::kProductStride + own);
    const std::int64_t to = shared.output_rows[row];
    const std::int64_t at = to * args.out_channels + column + own;
    if (args.products != nullptr) {
      store_pack(args.products + at, values);
      continue;
    }
    finish_pack<T, N>(values, args.epilogue, to, column + own, args.out_channels);
    Pack<T, N> y;
    for (int n = 0; n < N; ++n) y[n] = narrow<T>(values[n]);
    store_pack(args.y + at, y);
  }
}

/// One tile of rows times one tile of columns.
template <class Tile, class T>
GAVOTTE_DEVICE void run_tile(const GroupedGemmArgs<T>& args, const GemmTile& tile,
                             std::int32_t column_tile, GemmTileShared<Tile>& shared) {
  const std::int32_t group = column_tile / args.group_columns;
  const std::int32_t first = column_tile % args.group_columns * Tile::kColumns;  // within the group
  const std::int32_t columns =
      args.out_group - first < Tile::kColumns ? args.out_group - first : Tile::kColumns;
  const std::int32_t column = group * args.out_group + first;
  const T* inputs = inputs_of(args, tile) + group * args.in_group;
  const T* weights = args.weights +
                     static_cast<std::int64_t>(tile.offset) * args.in_group * args.out_channels +
                     column;
  const auto load = [&](int step) {
    auto& stage = shared.stages[step % kGemmStages];
    const std::int32_t k = step * Tile::kDepth;
    copy_block<Tile::kRows, Tile::kDepth, Tile::kInputStride, Tile::kThreads>(
        stage.inputs, BlockSource<T>{inputs + k, args.in_channels, tile.rows, args.in_group - k},
        args.input_bytes);
    copy_block<Tile::kDepth, Tile::kColumns, Tile::kWeightStride, Tile::kThreads>(
        stage.weights,
        BlockSource<T>{weights + static_cast<std::int64_t>(k) * args.out_channels,
                       args.out_channels, args.in_group - k, columns},
        args.weight_bytes);
  };

  const int steps = (args.in_group + Tile::kDepth - 1) / Tile::kDepth;
  Tile sums;
  // From step 0 on a block of k is at work; each step sends for the one that is needed
  // kGemmStages - 1 steps later.
  for (int step = 1 - kGemmStages; step < steps; ++step) {
    if (step >= 0) {
      ptx::cp_async_wait_group<kGemmStages - 2>();
      sync_block();  // this step's block is there; the last step's is no longer read
    }
    if (step + kGemmStages - 1 < steps) load(step + kGemmStages - 1);
    ptx::cp_async_commit_group();
    if (step == -1) find_output_rows(args, tile, shared.output_rows);
    if (step >= 0) sums.multiply(shared.stages[step % kGemmStages]);
  }
  ptx::cp_async_wait_group<0>();
  sync_block();  // the products lie where the blocks were
  sums.store(shared.products);
  sync_block();
  if (args.wide_output)
    write_products<Tile, kPackBytes / sizeof(typename Tile::Sum)>(args, shared, tile.rows, column,
                                                                  columns);
  else
    write_products<Tile, 1>(args, shared, tile.rows, column, columns);
  sync_block();
}

template <class Tall, class Flat>
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(Tall::kThreads, Tall::kBlocksPerMultiprocessor)
    grouped_gemm_kernel(GroupedGemmArgs<typename Tall::Element> args, Stop stop) {
  static_assert(Tall::kThreads == Flat::kThreads && Tall::kColumns == Flat::kColumns);
  auto& shared = shared_storage<GroupedGemmShared<Tall, Flat>>();
  const TileCounts counts = count_tiles<Tall, Flat>(args);
  const std::int64_t all = static_cast<std::int64_t>(counts.all) * args.column_tiles;
  for (std::int64_t i = block_index(); i < all && stop.goes_on(); i += grid_blocks()) {
    // Neighbouring blocks take the columns of the same rows, which the L2 cache then holds.
    const std::int64_t index = i / args.column_tiles;
    const auto column_tile = static_cast<std::int32_t>(i % args.column_tiles);
    const bool tall = index < counts.tall;
    const GemmTile tile = args.products != nullptr
                              ? args.tiles.tiles[index]
                              : tile_of_rows(args, index, tall ? Tall::kRows : Flat::kRows);
    if (tall)
      run_tile<Tall>(args, tile, column_tile, shared.tall);
    else
      run_tile<Flat>(args, tile, column_tile, shared.flat);
  }
}

}  // namespace gavotte::internal::cuda
