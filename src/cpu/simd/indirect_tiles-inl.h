// indirect_gemm by matrix tiles: eight registers of 16 rows of 64 bytes, of which two by two hold sums, two rows of x
// and two weights. Pairs are taken 32 at a time: the inputs of their rows are gathered, 16 rows of 64 bytes to a tile,
// multiplied with the tiles of a panel, whose order in memory is that of VDPBF16PS and VPDPBUSD, and added to y.
//
// Included in an anonymous namespace, over a Tiles that is the CPU's or a software form of it:
//   Tiles()                         configures all eight tiles as 16 rows of 64 bytes, ~Tiles() releases them
//   zero<t>(), load<t>(from, row_bytes), store<t>(to, row_bytes)
//   multiply_add<Sum, c, a, b>()    c += a * b: of float, pairs of bfloat16; of int32, bytes by signed bytes
// An element's sum over a chunk of kChunkBlocks tiles of channels begins with 0, and is added to what y held in Sum's own
// arithmetic. So a row's bits depend neither on its place among the pairs nor on how many there are.

inline constexpr int kTileRows = 16, kTileColumns = 16, kTileBytes = 64;
inline constexpr int kChunkBlocks = 8;  // gathered together: 32 rows of them are 16 KiB

// One panel of a call; rows of x in bytes.
template <class Sum>
struct TilePanel {
  const std::byte* x;
  std::int64_t x_row_bytes, in_bytes;
  const std::byte* weights;  // [in_bytes / 4, rounded up][vectors][64]
  int vectors;
  Sum* y;  // at the panel's first column
  std::int64_t y_stride, columns;
  const std::int32_t *x_rows, *y_rows;
  const Sum* added;  // at the panel's first column, or null
  bool first;
};

struct TileMemory {
  alignas(64)
      std::byte x[2 * kChunkBlocks][kTileRows][kTileBytes];  // of block b, row tile r at 2 b + r
  alignas(
      64) std::byte weights[4][kTileRows][kTileBytes];  // of the last channels, where no whole tile
  alignas(64) std::byte sums[kTileRows][kTileBytes];
};

// The weights of a block of channels and a vector of columns.
struct TileWeights {
  const std::byte* at;
  std::int64_t row_bytes;
};

template <class Sum>
TileWeights tile_weights(const TilePanel<Sum>& panel, const TileMemory& memory, std::int64_t block,
                         int vector) {
  if ((block + 1) * kTileBytes > panel.in_bytes) return {memory.weights[vector][0], kTileBytes};
  return {panel.weights + (block * kTileRows * panel.vectors + vector) * kTileBytes,
          std::int64_t{panel.vectors} * kTileBytes};
}

// The panel's last rows, filled up with zeros to whole tiles.
template <class Sum>
void copy_last_weights(const TilePanel<Sum>& panel, TileMemory& memory) {
  const std::int64_t blocks = panel.in_bytes / kTileBytes;
  const std::int64_t rows = (panel.in_bytes % kTileBytes + 3) / 4;
  if (rows == 0) return;
  std::memset(memory.weights, 0, sizeof(memory.weights));
  const std::byte* from = panel.weights + blocks * kTileRows * panel.vectors * kTileBytes;
  for (std::int64_t row = 0; row < rows; ++row)
    for (int vector = 0; vector < panel.vectors; ++vector, from += kTileBytes)
      std::memcpy(memory.weights[vector][row], from, kTileBytes);
}

// The inputs of `pairs` rows from channel block `first` on. What is missing of the last block's channels, and of the last
// tile's rows, is 0.
template <class Sum>
void gather_tiles(const TilePanel<Sum>& panel, std::int64_t j, int pairs, std::int64_t first,
                  std::int64_t blocks, TileMemory& memory) {
  const int rows = (pairs + kTileRows - 1) / kTileRows * kTileRows;
  for (int row = 0; row < rows; ++row) {
    const std::byte* from = nullptr;
    if (row < pairs)
      from = panel.x + panel.x_rows[j + row] * panel.x_row_bytes + first * kTileBytes;
    for (std::int64_t block = 0; block < blocks; ++block) {
      std::byte* to = memory.x[2 * block + row / kTileRows][row % kTileRows];
      const std::int64_t bytes = panel.in_bytes - (first + block) * kTileBytes;
      if (from == nullptr) {
        std::memset(to, 0, kTileBytes);
      } else if (bytes >= kTileBytes) {
        std::memcpy(to, from + block * kTileBytes, kTileBytes);
      } else {
        std::memset(to, 0, kTileBytes);
        std::memcpy(to, from + block * kTileBytes, static_cast<std::size_t>(bytes));
      }
    }
  }
}

// Integers wrap around.
inline float sum_of(float a, float b) { return a + b; }
inline std::int32_t sum_of(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

template <class Sum>
void add_sums(const Sum* sums, std::int64_t columns, const Sum* added, bool first, Sum* y) {
  Sum row[kTileColumns];
  for (int c = 0; c < kTileColumns; ++c) row[c] = sums[c];
  if (added != nullptr)
    for (std::int64_t c = 0; c < columns; ++c) row[c] = sum_of(row[c], added[c]);
  if (first) {
    std::memcpy(y, row, static_cast<std::size_t>(columns) * sizeof(Sum));
  } else if (columns == kTileColumns) {
    for (int c = 0; c < kTileColumns; ++c) y[c] = sum_of(y[c], row[c]);
  } else {
    for (std::int64_t c = 0; c < columns; ++c) y[c] = sum_of(y[c], row[c]);
  }
}

// Tile t of the sums to y: of up to 16 pairs from j on, and the columns of a vector.
template <int t, class Sum, class Tiles>
void finish_tile(const TilePanel<Sum>& panel, std::int64_t j, std::int64_t pairs, int vector,
                 bool starts, Tiles& tiles, TileMemory& memory) {
  tiles.template store<t>(memory.sums, kTileBytes);
  const std::int64_t column = std::int64_t{vector} * kTileColumns;
  const std::int64_t columns = std::min<std::int64_t>(panel.columns - column, kTileColumns);
  const Sum* added = starts && panel.added != nullptr ? panel.added + column : nullptr;
  for (std::int64_t row = 0; row < std::min<std::int64_t>(pairs, kTileRows); ++row) {
    Sum sums[kTileColumns];
    std::memcpy(sums, memory.sums[row], kTileBytes);
    add_sums(sums, columns, added, starts && panel.first,
             panel.y + panel.y_rows[j + row] * panel.y_stride + column);
  }
}

// The gathered blocks times one vector of columns or two; where `starts`, they are the first channels.
template <int row_tiles, int vectors, class Sum, class Tiles>
void multiply_tiles(const TilePanel<Sum>& panel, std::int64_t j, int pairs, std::int64_t first,
                    std::int64_t blocks, int vector, Tiles& tiles, TileMemory& memory) {
  constexpr bool two_rows = row_tiles == 2, two_vectors = vectors == 2;
  tiles.template zero<0>();
  if constexpr (two_vectors) tiles.template zero<1>();
  if constexpr (two_rows) tiles.template zero<2>();
  if constexpr (two_rows && two_vectors) tiles.template zero<3>();
  for (std::int64_t block = 0; block < blocks; ++block) {
    const TileWeights left = tile_weights(panel, memory, first + block, vector);
    tiles.template load<4>(memory.x[2 * block], kTileBytes);
    tiles.template load<6>(left.at, left.row_bytes);
    tiles.template multiply_add<Sum, 0, 4, 6>();
    if constexpr (two_vectors) {
      const TileWeights right = tile_weights(panel, memory, first + block, vector + 1);
      tiles.template load<7>(right.at, right.row_bytes);
      tiles.template multiply_add<Sum, 1, 4, 7>();
    }
    if constexpr (two_rows) {
      tiles.template load<5>(memory.x[2 * block + 1], kTileBytes);
      tiles.template multiply_add<Sum, 2, 5, 6>();
      if constexpr (two_vectors) tiles.template multiply_add<Sum, 3, 5, 7>();
    }
  }
  const bool starts = first == 0;
  const std::int64_t below = j + kTileRows, pairs_below = pairs - kTileRows;
  finish_tile<0>(panel, j, pairs, vector, starts, tiles, memory);
  if constexpr (two_vectors) finish_tile<1>(panel, j, pairs, vector + 1, starts, tiles, memory);
  if constexpr (two_rows) finish_tile<2>(panel, below, pairs_below, vector, starts, tiles, memory);
  if constexpr (two_rows && two_vectors)
    finish_tile<3>(panel, below, pairs_below, vector + 1, starts, tiles, memory);
}

template <int row_tiles, class Sum, class Tiles>
void multiply_row_tiles(const TilePanel<Sum>& panel, std::int64_t j, int pairs, Tiles& tiles,
                        TileMemory& memory) {
  const std::int64_t all = (panel.in_bytes + kTileBytes - 1) / kTileBytes;
  for (std::int64_t first = 0; first < all; first += kChunkBlocks) {
    const std::int64_t blocks = std::min<std::int64_t>(kChunkBlocks, all - first);
    gather_tiles(panel, j, pairs, first, blocks, memory);
    int vector = 0;
    for (; vector + 2 <= panel.vectors; vector += 2)
      multiply_tiles<row_tiles, 2>(panel, j, pairs, first, blocks, vector, tiles, memory);
    if (vector < panel.vectors)
      multiply_tiles<row_tiles, 1>(panel, j, pairs, first, blocks, vector, tiles, memory);
  }
}

// args.in is at least 1, and the panels are of the layout tile_layout.
template <class Tiles, class Input, class Sum>
void multiply_by_tiles(const IndirectGemm& args) {
  constexpr std::int64_t widest = 4 * kTileColumns, size = sizeof(Input);
  TilePanel<Sum> panel{static_cast<const std::byte*>(args.x),
                       args.x_stride * size,
                       args.in * size,
                       static_cast<const std::byte*>(args.panels),
                       0,
                       static_cast<Sum*>(args.y),
                       args.y_stride,
                       0,
                       args.x_rows,
                       args.y_rows,
                       nullptr,
                       args.first};
  if constexpr (std::is_same_v<Sum, std::int32_t>) panel.added = args.added;
  Tiles tiles;
  TileMemory memory;
  for (std::int64_t column = 0; column < args.out; column += widest) {
    panel.columns = std::min(widest, args.out - column);
    panel.vectors = static_cast<int>((panel.columns + kTileColumns - 1) / kTileColumns);
    copy_last_weights(panel, memory);
    for (std::int64_t j = 0; j < args.count; j += 2 * kTileRows) {
      const int pairs = static_cast<int>(std::min<std::int64_t>(2 * kTileRows, args.count - j));
      pairs > kTileRows ? multiply_row_tiles<2>(panel, j, pairs, tiles, memory)
                        : multiply_row_tiles<1>(panel, j, pairs, tiles, memory);
    }
    panel.weights += (panel.in_bytes + 3) / 4 * panel.vectors * kTileBytes;
    panel.y += widest;
    if (panel.added != nullptr) panel.added += widest;
  }
}

template <class Input>
constexpr PanelLayout tile_layout() {
  return {kTileColumns, 4 * kTileColumns, 4 / sizeof(Input)};
}
