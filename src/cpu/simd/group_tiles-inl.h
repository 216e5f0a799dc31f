// GroupProduct by matrix tiles: six hold the sums of 32 rows and three vectors of 16 columns while the offsets pass by, one
// holds gathered inputs, one weights. Where a row has no input a row of zeros is gathered. More columns take more passes, and
// the inputs are gathered for each: kept for all passes they leave the first-level cache, which costs as much.
//
// Included in an anonymous namespace, over a Tiles that is the CPU's (amx_tiles-inl.h) or a software form of it:
//   Tiles(rows)                     tiles of 16 rows of 64 bytes, but rows of tile 6 have 4 * rows bytes, and tile 7 has as
//                                   many rows; ~Tiles() releases them
//   zero<t>(), load<t>(from, row_bytes), store<t>(to, row_bytes), multiply_add<Sum, c, a, b>()  as indirect_tiles-inl.h has
//                                   them; load() with row_bytes = 0 gives all rows one
//   copy_row(from, to)              64 bytes to an aligned row
//   copy_row(from, skipped, bytes, to)  the bytes [skipped, bytes) of them, zeros in place of the others
//   copy_into_half(from, to)        32 bytes to an aligned half of a row

inline constexpr int kGroupBytes = 64, kGroupColumns = 16, kMostGroupVectors = 3;
inline constexpr int kHalfGroup = 16;
inline constexpr std::int64_t kPanelOfGroup = 4 * kGroupColumns;
inline constexpr int kPartRows = 8;  // of a group, gathered at a time

using GroupRow = std::byte[kGroupBytes];
using GroupBlock = GroupRow[kGroupRows];

struct GroupMemory {
  alignas(64)
      GroupBlock x[2][kMostGroupInputs / kGroupBytes];  // of an offset and of the one after it
  alignas(64) GroupRow added[kMostGroupVectors];
  alignas(64) std::byte zeros[kMostGroupInputs];  // the row of an input that is not there
};

// Blocks of 64 channels. Where these are no whole blocks the last begins 64 before the end, and its first ones, which the
// block before has had, are zeros; so no weights behind the panel are read.
struct GroupBlocks {
  int whole;             // before the last, if that is not whole
  std::int64_t last;     // where it begins
  std::int64_t skipped;  // bytes of it that are left out
  std::int64_t bytes;    // those up to its end
};

// What the last block is; half: 32 bytes of it are new ones, which are copied by half a vector.
enum class LastBlock { whole, half, some };

inline GroupBlocks group_blocks(std::int64_t in) {
  const std::int64_t whole = in / kGroupBytes, rest = in % kGroupBytes;
  if (rest == 0) return {static_cast<int>(whole), 0, 0, 0};
  if (whole == 0) return {0, 0, 0, rest};
  const std::int64_t last = (in + 3) / 4 * 4 - kGroupBytes;
  return {static_cast<int>(whole), last, whole * kGroupBytes - last, in - last};
}

// An offset of a group in a pass over its columns.
struct GroupStep {
  std::int64_t group = 0, pass = 0;
  std::uint32_t left = 0;                // bits: the lowest is the step's; 0: there is no such step
  const std::int32_t* inputs = nullptr;  // of the step
  const std::int32_t* first = nullptr;   // of the group
};

inline GroupStep first_step(const GroupProduct& product, std::int64_t group,
                            const std::int32_t* inputs) {
  while (group < product.groups && product.some[group] == 0) ++group;
  return {group, 0, group < product.groups ? product.some[group] : 0, inputs, inputs};
}

inline GroupStep step_after(const GroupProduct& product, const GroupStep& step,
                            std::int64_t passes) {
  const std::uint32_t left = step.left & (step.left - 1);
  const std::int32_t* const next = step.inputs + kGroupRows;
  if (left != 0) return {step.group, step.pass, left, next, step.first};
  if (step.pass + 1 < passes)
    return {step.group, step.pass + 1, product.some[step.group], step.first, step.first};
  return first_step(product, step.group + 1, next);
}

// Inputs that are being gathered, some rows at a time.
struct GroupGather {
  const std::int32_t* inputs;
  int row;
  GroupBlock* to;
};

// whole: the whole blocks; -1: those of `blocks`.
template <class Tiles, int whole, LastBlock last>
HWY_INLINE void gather_part(const GroupProduct& product, const GroupBlocks& blocks,
                            const std::byte* zeros, GroupGather& at) {
  const auto* const x = reinterpret_cast<const std::byte*>(product.x);
  const std::int64_t stride = product.x_stride;
  GroupBlock* const to = at.to;
  const int whole_blocks = whole >= 0 ? whole : blocks.whole;
  GAVOTTE_UNROLL
  for (int i = 0; i < kPartRows; ++i) {
    const int row = at.row + i;
    const std::int32_t input = at.inputs[row];
    const std::byte* const from = input >= 0 ? x + input * stride : zeros;
    for (int block = 0; block < whole_blocks; ++block)
      Tiles::copy_row(from + block * kGroupBytes, to[block][row]);
    if constexpr (last == LastBlock::half) {
      constexpr int half = whole == 0 ? 0 : kGroupBytes / 2;  // the other is zeros from the start
      Tiles::copy_into_half(from + whole_blocks * kGroupBytes, to[whole_blocks][row] + half);
    } else if constexpr (last == LastBlock::some) {
      Tiles::copy_row(from + blocks.last, blocks.skipped, blocks.bytes, to[whole_blocks][row]);
    }
  }
  at.row += kPartRows;
}

// What the offsets of a group add to each of its rows.
inline void add_offsets(const GroupProduct& product, std::uint32_t some, std::int64_t column,
                        int columns, std::int32_t* sums) {
  std::fill(sums, sums + columns, 0);
  for (; some != 0; some &= some - 1) {
    const std::int32_t* const added = product.added[__builtin_ctz(some)] + column;
    for (int i = 0; i < columns; ++i)
      sums[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[i]) +
                                          static_cast<std::uint32_t>(added[i]));
  }
}

// A block of channels times up to three vectors of columns.
template <int vectors, class Tiles>
HWY_INLINE void multiply_block(const GroupBlock& x, const std::byte* const (&weights)[3],
                               const std::int64_t (&row_bytes)[3], Tiles& tiles) {
  tiles.template load<7>(weights[0], row_bytes[0]);
  tiles.template load<6>(x[0], kGroupBytes);
  tiles.template multiply_add<std::int32_t, 0, 6, 7>();
  tiles.template load<6>(x[kHalfGroup], kGroupBytes);
  tiles.template multiply_add<std::int32_t, 3, 6, 7>();
  if constexpr (vectors > 1) {
    tiles.template load<7>(weights[1], row_bytes[1]);
    tiles.template multiply_add<std::int32_t, 4, 6, 7>();
    tiles.template load<6>(x[0], kGroupBytes);
    tiles.template multiply_add<std::int32_t, 1, 6, 7>();
  }
  if constexpr (vectors > 2) {
    tiles.template load<7>(weights[2], row_bytes[2]);
    tiles.template multiply_add<std::int32_t, 2, 6, 7>();
    tiles.template load<6>(x[kHalfGroup], kGroupBytes);
    tiles.template multiply_add<std::int32_t, 5, 6, 7>();
  }
}

// Columns of a pass: [column, + 16 * vectors) of the groups.
struct GroupColumns {
  std::int64_t column;
  int vectors;
  // Of the vectors: where they begin in a panel, and the bytes from four channels to the next.
  std::int64_t begin[3], row_bytes[3];
};

inline GroupColumns group_columns(const GroupProduct& product, std::int64_t pass,
                                  std::int64_t passes) {
  const std::int64_t vectors = product.out / kGroupColumns;
  const std::int64_t from = vectors * pass / passes, to = vectors * (pass + 1) / passes;
  const std::int64_t channel_bytes = (product.in + 3) / 4 * 4;  // of a panel's column
  GroupColumns columns{from * kGroupColumns, static_cast<int>(to - from), {}, {}};
  for (int i = 0; i < columns.vectors; ++i) {
    const std::int64_t at = columns.column + i * kGroupColumns;
    const std::int64_t panel = at / kPanelOfGroup * kPanelOfGroup;
    columns.begin[i] = panel * channel_bytes + (at - panel) * 4;
    columns.row_bytes[i] = std::min(product.out - panel, kPanelOfGroup) * 4;
  }
  return columns;
}

template <int vectors, class Tiles>
HWY_INLINE void start_sums(const GroupProduct& product, std::uint32_t some, std::int64_t column,
                           Tiles& tiles, GroupMemory& memory) {
  if (product.added == nullptr) {
    tiles.template zero<0>();
    tiles.template zero<3>();
    if constexpr (vectors > 1) tiles.template zero<1>(), tiles.template zero<4>();
    if constexpr (vectors > 2) tiles.template zero<2>(), tiles.template zero<5>();
    return;
  }
  add_offsets(product, some, column, vectors * kGroupColumns,
              reinterpret_cast<std::int32_t*>(memory.added[0]));
  tiles.template load<0>(memory.added[0], 0);  // one row to all of them
  tiles.template load<3>(memory.added[0], 0);
  if constexpr (vectors > 1)
    tiles.template load<1>(memory.added[1], 0), tiles.template load<4>(memory.added[1], 0);
  if constexpr (vectors > 2)
    tiles.template load<2>(memory.added[2], 0), tiles.template load<5>(memory.added[2], 0);
}

template <int vectors, class Tiles>
HWY_INLINE void store_sums(const GroupProduct& product, std::int32_t* sums, Tiles& tiles) {
  std::int32_t* const lower = sums + kHalfGroup * product.out;
  const std::int64_t stride = product.out * 4;
  tiles.template store<0>(sums, stride);
  tiles.template store<3>(lower, stride);
  if constexpr (vectors > 1) {
    tiles.template store<1>(sums + kGroupColumns, stride);
    tiles.template store<4>(lower + kGroupColumns, stride);
  }
  if constexpr (vectors > 2) {
    tiles.template store<2>(sums + 2 * kGroupColumns, stride);
    tiles.template store<5>(lower + 2 * kGroupColumns, stride);
  }
}

// A group in a pass, from `step` on, its first, whose inputs are gathered; those of each next step are while one is
// multiplied, some after every block of channels.
template <class Tiles, int whole, LastBlock last, int vectors>
HWY_INLINE void multiply_pass(const GroupProduct& product, const GroupBlocks& blocks,
                              const GroupColumns& columns, std::int64_t passes, std::int64_t group,
                              GroupStep& step, int& turn, Tiles& tiles, GroupMemory& memory) {
  const std::int64_t pass = step.pass;
  const int whole_blocks = whole >= 0 ? whole : blocks.whole;
  const int count = whole_blocks + (last != LastBlock::whole ? 1 : 0);
  const int part = (kGroupRows / kPartRows + count - 1) / count;
  start_sums<vectors>(product, product.some[group], columns.column, tiles, memory);
  while (step.left != 0 && step.group == group && step.pass == pass) {
    const GroupBlock* const x = memory.x[turn];
    const auto* const panels =
        static_cast<const std::byte*>(product.panels[__builtin_ctz(step.left)]);
    turn = 1 - turn;
    step = step_after(product, step, passes);
    GroupGather next{step.inputs, step.left != 0 ? 0 : kGroupRows, memory.x[turn]};
    for (int block = 0; block < count; ++block) {
      const std::int64_t four = block < whole_blocks ? block * (kGroupBytes / 4) : blocks.last / 4;
      const std::byte* weights[3] = {};
      for (int i = 0; i < vectors; ++i)
        weights[i] = panels + columns.begin[i] + four * columns.row_bytes[i];
      multiply_block<vectors>(x[block], weights, columns.row_bytes, tiles);
      for (int i = 0; i < part && next.row < kGroupRows; ++i)
        gather_part<Tiles, whole, last>(product, blocks, memory.zeros, next);
    }
  }
  store_sums<vectors>(product, product.sums + group * kGroupRows * product.out + columns.column,
                      tiles);
}

template <class Tiles, int whole, LastBlock last>
void multiply_all_groups(const GroupProduct& product, const GroupBlocks& blocks, Tiles& tiles,
                         GroupMemory& memory) {
  const std::int64_t passes =
      (product.out / kGroupColumns + kMostGroupVectors - 1) / kMostGroupVectors;
  GroupStep step = first_step(product, 0, product.inputs);
  int turn = 0;
  if (step.left != 0) {
    GroupGather first{step.inputs, 0, memory.x[turn]};
    while (first.row < kGroupRows)
      gather_part<Tiles, whole, last>(product, blocks, memory.zeros, first);
  }
  for (std::int64_t group = 0; group < product.groups; ++group)
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      const GroupColumns columns = group_columns(product, pass, passes);
      const auto multiply = [&]<int vectors>() {
        multiply_pass<Tiles, whole, last, vectors>(product, blocks, columns, passes, group, step,
                                                   turn, tiles, memory);
      };
      if (columns.vectors == 1) multiply.template operator()<1>();
      if (columns.vectors == 2) multiply.template operator()<2>();
      if (columns.vectors == 3) multiply.template operator()<3>();
    }
}

template <class Tiles>
void multiply_groups(const GroupProduct& product) {
  const std::int64_t rows = std::min<std::int64_t>((product.in + 3) / 4, kGroupBytes / 4);
  Tiles tiles(static_cast<int>(rows));
  GroupMemory memory;
  std::memset(memory.zeros, product.zero, sizeof(memory.zeros));
  const GroupBlocks blocks = group_blocks(product.in);
  const auto multiply = [&]<int whole, LastBlock last>() {
    multiply_all_groups<Tiles, whole, last>(product, blocks, tiles, memory);
  };
  const std::int64_t rest = product.in % kGroupBytes;
  if (rest == kGroupBytes / 2 && blocks.whole < 2) {
    for (auto& x : memory.x) std::memset(x[blocks.whole], 0, sizeof(x[blocks.whole]));
    return blocks.whole == 0 ? multiply.template operator()<0, LastBlock::half>()
                             : multiply.template operator()<1, LastBlock::half>();
  }
  if (rest != 0) return multiply.template operator()<-1, LastBlock::some>();
  if (blocks.whole == 1) return multiply.template operator()<1, LastBlock::whole>();
  if (blocks.whole == 2) return multiply.template operator()<2, LastBlock::whole>();
  multiply.template operator()<-1, LastBlock::whole>();
}
