// The weights' gradient by matrix tiles: eight registers of 16 rows of 64 bytes, of which two by two hold sums, two inputs
// and two gradients. Pairs are taken in chunks, whose rows are staged, 32 pairs to a tile: first all gradients; then, 32
// input channels at a time, the inputs, with which the blocks of the sums are loaded, take the chunk's products, and are
// stored. So inputs stay in the first-level cache, and few tiles are loaded soon after their stores, for which they would
// wait.
//
// Inputs are transposed, gradients stand two rows side by side, which is less work. So where there are fewer tiles of
// gradients, the two change places and the sums are those of the transposed gradient (Xeon with AMX, 2026-11-23, lidar_10: 64
// -> 32 1.14 of the rate, 128 -> 64, 192 -> 96 and 256 -> 128 1.07 to 1.10, 96 -> 20 1.05). Below, inputs have no more tiles.
//
// Included in an anonymous namespace, over Tiles as of indirect_tiles-inl.h, and a Stage that writes the tiles of 32 pairs,
// tile t at to + t * tile_stride:
//   transpose(rows, first, channels, to, tile_stride)   row c of tile t: channel first + 16 t + c of the 32 rows
//   pair(rows, channels, to, tile_stride)               row j of tile t: rows 2 j and 2 j + 1 side by side; column c is
//                                                       channel channel_of(channels, t, c)
// What is behind the last channel is 0.
//
// An element's sum goes on from chunk to chunk: each step of 32 pairs adds the sum of its even pairs' products and that of
// its odd ones.

inline constexpr std::int64_t kTileSide = 16, kTileBytes = 1024, kTileElements = 256;
inline constexpr std::int64_t kStepPairs = 32;  // that a tile holds
inline constexpr std::int64_t kBlockChannels = 2 * kTileSide;

constexpr std::int64_t tiles_of(std::int64_t channels) {
  return (channels + kTileSide - 1) / kTileSide;
}

// Whole registers of 32 channels are paired by halves of 128 bits, and their tiles come by two; a last tile without another
// has its channels in order.
constexpr std::int64_t channel_of(std::int64_t channels, std::int64_t tile, std::int64_t column) {
  if (tile % 2 == 0 && tile + 1 == tiles_of(channels)) return tile * kTileSide + column;
  return tile / 2 * 32 + column / 4 * 8 + tile % 2 * 4 + column % 4;
}

// Pairs of a chunk: few, where what they need then fits into the first-level cache with the sums; else so many that the
// sums pass through it seldom (Xeon with AMX, 2026-11-23, lidar_10: 64 pairs 1.24 of the rate of 256 at 32 channels, 1.15 at
// 64; 256 pairs 1.13 of the rate of 64 at 128 channels, 1.25 at 256).
constexpr std::int64_t chunk_pairs(std::int64_t in, std::int64_t out) {
  return in * out <= 64 * 64 ? 64 : 256;
}
// The tiles of 16 channels of a chunk; one more between them, so that they do not share the cache's sets.
constexpr std::int64_t panel_bytes(std::int64_t in, std::int64_t out) {
  return (chunk_pairs(in, out) / kStepPairs + 1) * kTileBytes;
}

using Row = const std::uint16_t*;

// Whether inputs and gradients change places.
constexpr bool takes_turned(std::int64_t in, std::int64_t out) {
  return tiles_of(in) > tiles_of(out);
}

// Where a chunk is staged.
struct WgradMemory {
  std::int64_t panel;
  std::byte *x, *grad;
  Row *x_rows, *grad_rows;
  std::uint16_t* zeros;

  WgradMemory(std::byte* memory, std::int64_t in, std::int64_t out)
      : panel(panel_bytes(in, out)),
        x(memory),
        grad(x + 2 * panel),
        x_rows(reinterpret_cast<Row*>(grad + tiles_of(out) * panel)),
        grad_rows(x_rows + chunk_pairs(in, out)),
        zeros(reinterpret_cast<std::uint16_t*>(grad_rows + chunk_pairs(in, out))) {
    std::memset(zeros, 0, static_cast<std::size_t>(zero_bytes(in, out)));
  }
  static constexpr std::int64_t zero_bytes(std::int64_t in, std::int64_t out) {
    return std::max(in, out) * 2;
  }
  static constexpr std::int64_t bytes(std::int64_t in, std::int64_t out) {
    return (2 + tiles_of(out)) * panel_bytes(in, out) +
           2 * chunk_pairs(in, out) * static_cast<std::int64_t>(sizeof(Row)) + zero_bytes(in, out);
  }
};

// Where the rows of `count` pairs begin, to whole steps; `missing` behind them.
inline void find_rows(Row from, std::int64_t stride, const std::int32_t* rows, std::int64_t count,
                      Row missing, Row* to) {
  std::int64_t j = 0;
  for (; j < count; ++j) to[j] = from + rows[j] * stride;
  for (; j % kStepPairs != 0; ++j) to[j] = missing;
}

// Of one chunk and group.
struct Staged {
  const std::byte *x, *grad;
  std::int64_t panel, steps, columns;
  bool first;
};

// One block of the sums: `rows` by `columns` tiles.
template <int rows, int columns, class Tiles>
void add_block(const Staged& staged, std::int64_t column, float* sums, Tiles& tiles) {
  constexpr bool two_rows = rows == 2, two_columns = columns == 2;
  const std::int64_t panel = staged.panel;
  const std::byte *x = staged.x, *grad = staged.grad + column * panel;
  float* const below = sums + staged.columns * kTileElements;
  if (staged.first) {
    tiles.template zero<0>();
    if constexpr (two_columns) tiles.template zero<1>();
    if constexpr (two_rows) tiles.template zero<2>();
    if constexpr (two_rows && two_columns) tiles.template zero<3>();
  } else {
    tiles.template load<0>(sums, 64);
    if constexpr (two_columns) tiles.template load<1>(sums + kTileElements, 64);
    if constexpr (two_rows) tiles.template load<2>(below, 64);
    if constexpr (two_rows && two_columns) tiles.template load<3>(below + kTileElements, 64);
  }
  for (std::int64_t step = 0; step < staged.steps; ++step, x += kTileBytes, grad += kTileBytes) {
    tiles.template load<4>(x, 64);
    tiles.template load<6>(grad, 64);
    tiles.template multiply_add<float, 0, 4, 6>();
    if constexpr (two_columns) {
      tiles.template load<7>(grad + panel, 64);
      tiles.template multiply_add<float, 1, 4, 7>();
    }
    if constexpr (two_rows) {
      tiles.template load<5>(x + panel, 64);
      tiles.template multiply_add<float, 2, 5, 6>();
      if constexpr (two_columns) tiles.template multiply_add<float, 3, 5, 7>();
    }
  }
  tiles.template store<0>(sums, 64);
  if constexpr (two_columns) tiles.template store<1>(sums + kTileElements, 64);
  if constexpr (two_rows) tiles.template store<2>(below, 64);
  if constexpr (two_rows && two_columns) tiles.template store<3>(below + kTileElements, 64);
}

template <int rows, class Tiles>
void add_row_of_blocks(const Staged& staged, float* sums, Tiles& tiles) {
  std::int64_t column = 0;
  for (; column + 2 <= staged.columns; column += 2)
    add_block<rows, 2>(staged, column, sums + column * kTileElements, tiles);
  if (column < staged.columns)
    add_block<rows, 1>(staged, column, sums + column * kTileElements, tiles);
}

// One group of channels.
struct WgradGroup {
  Row x, grad;
  std::int64_t in, out, x_stride, grad_stride;
  float* sums;
};

// Adds the products of `pairs`, a chunk at most.
template <class Stage, class Tiles>
void add_chunk(const WgradGroup& group, const PairRows& pairs, bool first,
               const WgradMemory& memory, Tiles& tiles) {
  Staged staged{memory.x,
                memory.grad,
                memory.panel,
                (pairs.count + kStepPairs - 1) / kStepPairs,
                tiles_of(group.out),
                first};
  find_rows(group.x, group.x_stride, pairs.x, pairs.count, memory.zeros, memory.x_rows);
  find_rows(group.grad, group.grad_stride, pairs.grad, pairs.count, memory.zeros, memory.grad_rows);
  for (std::int64_t step = 0; step < staged.steps; ++step)
    Stage::pair(memory.grad_rows + step * kStepPairs, group.out, memory.grad + step * kTileBytes,
                memory.panel);
  float* sums = group.sums;
  for (std::int64_t channel = 0; channel < group.in; channel += kBlockChannels) {
    const std::int64_t channels = std::min(kBlockChannels, group.in - channel);
    for (std::int64_t step = 0; step < staged.steps; ++step)
      Stage::transpose(memory.x_rows + step * kStepPairs, channel, channels,
                       memory.x + step * kTileBytes, memory.panel);
    channels > kTileSide ? add_row_of_blocks<2>(staged, sums, tiles)
                         : add_row_of_blocks<1>(staged, sums, tiles);
    sums += tiles_of(channels) * staged.columns * kTileElements;
  }
}

template <class Tiles, class Stage>
void add_pairs_in_place(const TiledWgrad& args) {
  const std::int64_t chunk = chunk_pairs(args.in, args.out);
  const WgradMemory memory(args.memory, args.in, args.out);
  Tiles tiles;
  std::int64_t begin = 0;
  do {
    const PairRows pairs{args.pairs.x + begin, args.pairs.grad + begin,
                         std::min(chunk, args.pairs.count - begin)};
    WgradGroup group{static_cast<Row>(args.x), static_cast<Row>(args.grad), args.in,  args.out,
                     args.groups * args.in,    args.groups * args.out,      args.sums};
    for (int g = 0; g < args.groups; ++g) {
      add_chunk<Stage>(group, pairs, args.first && begin == 0, memory, tiles);
      group.x += args.in;
      group.grad += args.out;
      group.sums += tiles_of(args.in) * tiles_of(args.out) * kTileElements;
    }
    begin += pairs.count;
  } while (begin < args.pairs.count);
}

template <class Tiles, class Stage>
void add_pairs_by_tiles(const TiledWgrad& args) {
  TiledWgrad turned = args;
  if (takes_turned(args.in, args.out)) {
    std::swap(turned.x, turned.grad);
    std::swap(turned.in, turned.out);
    std::swap(turned.pairs.x, turned.pairs.grad);
  }
  add_pairs_in_place<Tiles, Stage>(turned);
}

inline constexpr std::int64_t kRun = 4;

// Calls body(tile, column, channel, count) for the runs of a row of tiles: columns of channels that follow each other.
template <class Body>
void for_each_run(std::int64_t channels, Body&& body) {
  for (std::int64_t tile = 0; tile < tiles_of(channels); ++tile)
    for (std::int64_t column = 0; column < kTileSide; column += kRun) {
      const std::int64_t channel = channel_of(channels, tile, column);
      if (channel < channels) body(tile, column, channel, std::min(kRun, channels - channel));
    }
}

// Of a strip of `rows` input channels.
inline void untile_rows(const float* sums, std::int64_t out, std::int64_t rows, float* to,
                        std::int64_t to_stride) {
  for (std::int64_t row = 0; row < rows; ++row, sums += kTileSide, to += to_stride)
    for_each_run(
        out, [&](std::int64_t tile, std::int64_t column, std::int64_t channel, std::int64_t count) {
          const float* const from = sums + tile * kTileElements + column;
          if (count == kRun) {  // of a size that is known, else the copies are calls
            std::memcpy(to + channel, from, kRun * sizeof(float));
          } else {
            std::copy_n(from, count, to + channel);
          }
        });
}

// Of a strip of `columns` output channels, whose sums are turned.
inline void untile_columns(const float* sums, std::int64_t in, std::int64_t columns, float* to,
                           std::int64_t to_stride) {
  for_each_run(
      in, [&](std::int64_t tile, std::int64_t column, std::int64_t channel, std::int64_t count) {
        const float* const from = sums + tile * kTileElements + column;
        for (std::int64_t i = 0; i < count; ++i)
          for (std::int64_t o = 0; o < columns; ++o)
            to[(channel + i) * to_stride + o] = from[o * kTileSide + i];
      });
}
