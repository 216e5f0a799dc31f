// indirect_gemm by matrix tiles: eight registers of 16 rows of 64 bytes, of which four hold sums, two rows of x and two
// weights. Pairs are taken 32 at a time: the inputs of their rows are gathered, 16 rows of 64 bytes to a tile, multiplied with
// the tiles of the panels, whose order in memory is that of VDPBF16PS and VPDPBUSD, and added to y.
//
// Included in an anonymous namespace, over a Tiles that is the CPU's (amx_tiles-inl.h) or a software form of it:
//   Tiles()                         configures all eight tiles as 16 rows of 64 bytes, ~Tiles() releases them
//   zero<t>(), load<t>(from, row_bytes), store<t>(to, row_bytes)
//   multiply_add<Sum, c, a, b>()    c += a * b: of float, pairs of bfloat16; of int32, bytes by signed bytes
//   copy_row(from, to), copy_row(from, bytes, to), copy_half(from, to)  64 bytes, or fewer and zeros behind them, or 32 and as
//                     many zeros, to an aligned row
//   add_row(sums, added, y)  an aligned row of sums to 16 columns of y, as IndirectGemm has it where not first
//   add_row(sums, added, first, y, columns)  the first columns of one, likewise
// An element's sum over a chunk of kChunkBlocks tiles of channels begins with 0, and is added to what y held in Sum's own
// arithmetic. So a row's bits depend neither on its place among the pairs nor on how many there are.

inline constexpr int kTileRows = 16, kTileColumns = 16, kTileBytes = 64;
inline constexpr std::int64_t kPanelColumns = 4 * kTileColumns;

inline constexpr int kStepPairs = 2 * kTileRows;
inline constexpr std::int64_t kStepColumns = 2 * kTileColumns;
inline constexpr std::int64_t kMostColumns = 256;  // of a TileProduct
inline constexpr std::int64_t kChunkBlocks = 8;    // gathered together: 32 rows of them are 16 KiB

// A call; rows of x in bytes.
template <class Sum>
struct TileProduct {
  const std::byte* x;
  std::int64_t x_row_bytes, in_bytes;
  const std::byte* panels;  // each [in_bytes / 4, rounded up][vectors][64]
  Sum* y;
  std::int64_t y_stride, columns;
  const std::int32_t *x_rows, *y_rows;
  std::int64_t count;
  const Sum* added;  // or null
  bool first;
};

using TileRow = std::byte[kTileBytes];

struct TileMemory {
  alignas(64) TileRow x[kChunkBlocks][kStepPairs];  // a block of channels after the other
  // Those of the last channels, where they are no whole tiles, filled up with zeros: a vector of columns after the other.
  alignas(64) TileRow weights[kMostColumns / kTileColumns][kTileRows];
  alignas(64) TileRow sums[2][2][kStepPairs];
};

// Pairs and channels that are gathered together.
struct TileStep {
  std::int64_t j;
  int pairs;
  std::int64_t block;  // the first
  int blocks;
};

// Sums of a step in two vectors of columns, or in the last one, that are stored and wait to be added to y.
template <class Sum>
struct StepSums {
  const TileRow (*sums)[kStepPairs];
  int pairs;  // 0: none
  const std::int32_t* y_rows;
  Sum* y;  // at the first column
  std::int64_t y_stride, columns;
  const Sum* added;  // or null
  bool first;
};

// The weights of a step and a vector of columns.
struct TileWeights {
  const std::byte* at;
  std::int64_t row_bytes;
  const std::byte* last;  // instead of a tile that is not whole
};

template <class Sum>
TileWeights tile_weights(const TileProduct<Sum>& product, const TileMemory& memory,
                         std::int64_t block, std::int64_t column) {
  const std::int64_t begin = column / kPanelColumns * kPanelColumns;
  const std::int64_t columns = std::min(product.columns - begin, kPanelColumns);
  const std::int64_t row_bytes = (columns + kTileColumns - 1) / kTileColumns * kTileBytes;
  const std::int64_t channel_bytes = (product.in_bytes + 3) / 4 * 4;  // of a panel's column
  return {
      product.panels + begin * channel_bytes + (column - begin) * 4 + block * kTileRows * row_bytes,
      row_bytes, memory.weights[column / kTileColumns][0]};
}

// The tiles of the last channels, filled up with zeros.
template <class Sum>
void copy_last_weights(const TileProduct<Sum>& product, TileMemory& memory) {
  const std::int64_t rows = (product.in_bytes % kTileBytes + 3) / 4;
  if (rows == 0) return;
  for (std::int64_t column = 0; column < product.columns; column += kTileColumns) {
    const TileWeights from = tile_weights(product, memory, product.in_bytes / kTileBytes, column);
    TileRow* to = memory.weights[column / kTileColumns];
    for (std::int64_t row = 0; row < rows; ++row)
      std::memcpy(to[row], from.at + row * from.row_bytes, kTileBytes);
    std::memset(to[rows], 0, static_cast<std::size_t>(kTileRows - rows) * kTileBytes);
  }
}

// The inputs of a step. What is missing of the last block's channels, and of the last tile's rows, is 0.
template <class Tiles, class Sum>
HWY_INLINE void gather_tiles(const TileProduct<Sum>& product, const TileStep& step,
                             TileRow (*to)[kStepPairs]) {
  const std::int64_t bytes = product.in_bytes - step.block * kTileBytes;
  const int whole = static_cast<int>(std::min<std::int64_t>(step.blocks, bytes / kTileBytes));
  const auto gather = [&](auto&& copy_last) {
    for (int row = 0; row < step.pairs; ++row) {
      const std::byte* from =
          product.x + product.x_rows[step.j + row] * product.x_row_bytes + step.block * kTileBytes;
      for (int block = 0; block < whole; ++block)
        Tiles::copy_row(from + block * kTileBytes, to[block][row]);
      copy_last(from + whole * kTileBytes, row);
    }
  };
  const std::int64_t rest = bytes - whole * kTileBytes;
  if (whole == step.blocks) {
    gather([](const std::byte*, int) {});
  } else if (rest == kTileBytes / 2) {
    gather([&](const std::byte* from, int row) { Tiles::copy_half(from, to[whole][row]); });
  } else {
    gather([&](const std::byte* from, int row) { Tiles::copy_row(from, rest, to[whole][row]); });
  }
  for (int row = step.pairs; row % kTileRows != 0; ++row)
    for (int block = 0; block < step.blocks; ++block) std::memset(to[block][row], 0, kTileBytes);
}

// The pairs [begin, end) of stored sums, to y.
template <class Tiles, class Sum>
HWY_INLINE void add_tile_sums(const StepSums<Sum>& from, int begin, int end) {
  const Sum* const right_added = from.added == nullptr ? nullptr : from.added + kTileColumns;
  if (from.columns == kStepColumns && !from.first) {
    for (int row = begin; row < end; ++row) {
      Sum* y = from.y + from.y_rows[row] * from.y_stride;
      Tiles::add_row(from.sums[0][row], from.added, y);
      Tiles::add_row(from.sums[1][row], right_added, y + kTileColumns);
    }
    return;
  }
  const std::int64_t left = std::min<std::int64_t>(from.columns, kTileColumns);
  const std::int64_t right = from.columns - kTileColumns;
  for (int row = begin; row < end; ++row) {
    Sum* y = from.y + from.y_rows[row] * from.y_stride;
    Tiles::add_row(from.sums[0][row], from.added, from.first, y, left);
    if (right > 0)
      Tiles::add_row(from.sums[1][row], right_added, from.first, y + kTileColumns, right);
  }
}

// The gathered inputs times one vector of columns or two; `whole` of the blocks of channels have all channels. After the
// products of each block a part of the sums `before` is added to y: vectors work beside tiles.
template <int row_tiles, int vectors, class Sum, class Tiles>
HWY_INLINE void multiply_tiles(const TileRow (*x)[kStepPairs], int blocks, int whole,
                               const TileWeights (&weights)[2], const StepSums<Sum>& before,
                               Tiles& tiles, TileRow (*sums)[kStepPairs]) {
  constexpr bool two_rows = row_tiles == 2, two_vectors = vectors == 2;
  tiles.template zero<0>();
  if constexpr (two_vectors) tiles.template zero<1>();
  if constexpr (two_rows) tiles.template zero<2>();
  if constexpr (two_rows && two_vectors) tiles.template zero<3>();
  const int part = (before.pairs + blocks - 1) / blocks;
  const auto multiply = [&](int block, const std::byte* left, const std::byte* right,
                            std::int64_t row_bytes) {
    tiles.template load<4>(x[block][0], kTileBytes);
    tiles.template load<6>(left, row_bytes);
    tiles.template multiply_add<Sum, 0, 4, 6>();
    if constexpr (two_vectors) {
      tiles.template load<7>(right, row_bytes);
      tiles.template multiply_add<Sum, 1, 4, 7>();
    }
    if constexpr (two_rows) {
      tiles.template load<5>(x[block][kTileRows], kTileBytes);
      tiles.template multiply_add<Sum, 2, 5, 6>();
      if constexpr (two_vectors) tiles.template multiply_add<Sum, 3, 5, 7>();
    }
    add_tile_sums<Tiles>(before, block * part, std::min((block + 1) * part, before.pairs));
  };
  const std::int64_t tile_bytes = kTileRows * weights[0].row_bytes;
  for (int block = 0; block < whole; ++block)
    multiply(block, weights[0].at + block * tile_bytes, weights[1].at + block * tile_bytes,
             weights[0].row_bytes);
  if (whole < blocks) multiply(whole, weights[0].last, weights[1].last, kTileBytes);
  tiles.template store<0>(sums[0][0], kTileBytes);
  if constexpr (two_vectors) tiles.template store<1>(sums[1][0], kTileBytes);
  if constexpr (two_rows) tiles.template store<2>(sums[0][kTileRows], kTileBytes);
  if constexpr (two_rows && two_vectors) tiles.template store<3>(sums[1][kTileRows], kTileBytes);
}

template <class Sum, class Tiles>
HWY_INLINE void multiply_step(const TileRow (*x)[kStepPairs], int blocks, int whole,
                              const TileWeights (&weights)[2], int pairs, std::int64_t columns,
                              const StepSums<Sum>& before, Tiles& tiles,
                              TileRow (*sums)[kStepPairs]) {
  const auto multiply = [&]<int row_tiles, int vectors>() {
    multiply_tiles<row_tiles, vectors, Sum>(x, blocks, whole, weights, before, tiles, sums);
  };
  const bool two_vectors = columns > kTileColumns;
  if (pairs > kTileRows) {
    two_vectors ? multiply.template operator()<2, 2>() : multiply.template operator()<2, 1>();
  } else {
    two_vectors ? multiply.template operator()<1, 2>() : multiply.template operator()<1, 1>();
  }
}

// The step after another; of no pairs behind the last.
template <class Sum>
TileStep tile_step(const TileProduct<Sum>& product, std::int64_t j, std::int64_t block) {
  const std::int64_t blocks = (product.in_bytes + kTileBytes - 1) / kTileBytes;
  if (block >= blocks) {
    block = 0;
    j += kStepPairs;
  }
  return {j, static_cast<int>(std::clamp<std::int64_t>(product.count - j, 0, kStepPairs)), block,
          static_cast<int>(std::min<std::int64_t>(kChunkBlocks, blocks - block))};
}

// Sums are added to y while the next are multiplied, since stores that are still under way cannot be loaded soon.
template <class Tiles, class Sum>
void multiply(const TileProduct<Sum>& product) {
  if (product.count == 0) return;
  Tiles tiles;
  TileMemory memory;
  copy_last_weights(product, memory);
  StepSums<Sum> before{};
  int sums = 0;
  for (TileStep step = tile_step(product, 0, 0); step.pairs > 0;
       step = tile_step(product, step.j, step.block + step.blocks)) {
    gather_tiles<Tiles>(product, step, memory.x);
    const int whole = static_cast<int>(
        std::min<std::int64_t>(step.blocks, product.in_bytes / kTileBytes - step.block));
    for (std::int64_t column = 0; column < product.columns; column += kStepColumns) {
      const std::int64_t columns = std::min(product.columns - column, kStepColumns);
      const TileWeights left = tile_weights(product, memory, step.block, column);
      const TileWeights right =
          columns > kTileColumns ? tile_weights(product, memory, step.block, column + kTileColumns)
                                 : left;  // is not read
      const TileWeights weights[2] = {left, right};
      multiply_step<Sum>(memory.x, step.blocks, whole, weights, step.pairs, columns, before, tiles,
                         memory.sums[sums]);
      const bool starts = step.block == 0;
      before = {memory.sums[sums],
                step.pairs,
                product.y_rows + step.j,
                product.y + column,
                product.y_stride,
                columns,
                starts && product.added != nullptr ? product.added + column : nullptr,
                starts && product.first};
      sums = 1 - sums;
    }
  }
  add_tile_sums<Tiles>(before, 0, before.pairs);
}

// args.in is at least 1, and the panels are of the layout tile_layout.
template <class Tiles, class Input, class Sum>
void multiply_by_tiles(const IndirectGemm& args) {
  constexpr std::int64_t size = sizeof(Input);
  TileProduct<Sum> product{static_cast<const std::byte*>(args.x),
                           args.x_stride * size,
                           args.in * size,
                           static_cast<const std::byte*>(args.panels),
                           static_cast<Sum*>(args.y),
                           args.y_stride,
                           0,
                           args.x_rows,
                           args.y_rows,
                           args.count,
                           nullptr,
                           args.first};
  if constexpr (std::is_same_v<Sum, std::int32_t>) product.added = args.added;
  for (std::int64_t column = 0; column < args.out; column += kMostColumns) {
    product.columns = std::min(args.out - column, kMostColumns);
    multiply<Tiles>(product);
    product.panels += kMostColumns * ((product.in_bytes + 3) / 4 * 4);
    product.y += kMostColumns;
    if (product.added != nullptr) product.added += kMostColumns;
  }
}

template <class Input>
constexpr PanelLayout tile_layout() {
  return {kTileColumns, kPanelColumns, 4 / sizeof(Input)};
}
