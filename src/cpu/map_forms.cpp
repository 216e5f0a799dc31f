#include "map_forms.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "parallel.h"
#include "simd/compact_column.h"

namespace gavotte::internal::cpu {

namespace {

/// Lists that fill less than this part of their memory move to memory of their size.
constexpr std::int64_t kSparseLists = 3;

/// Puts the pairs of one offset in the order of their rows: a column of the dense table, whose
/// entries are then read in turn.
class RowColumn {
 public:
  std::int32_t* of(std::int64_t rows) {  ///< Entries are -1: the row has no pair.
    if (rows != rows_) {
      memory_ = Scratch(rows * static_cast<std::int64_t>(sizeof(std::int32_t)));
      rows_ = rows;
      std::fill_n(memory_.as<std::int32_t>(), rows, -1);
    }
    return memory_.as<std::int32_t>();
  }
  /// Writes the `count` rows that have a pair, and their entries; clears the column.
  void take(std::int64_t count, std::int32_t* rows, std::int32_t* entries) {
    cpu::compact_column(memory_.as<std::int32_t>(), count, rows, entries);
  }

 private:
  Scratch memory_;
  std::int64_t rows_ = -1;
};

}  // namespace

MatchLists join_pieces(const Execution& execution, const std::vector<std::vector<MapPiece>>& pieces,
                       Borrowed matches, std::int64_t row) {
  MatchLists joined;
  joined.lists.resize(pieces.size());
  std::int64_t total = 0;
  for (std::size_t s = 0; s < pieces.size(); ++s) {
    for (const MapPiece& piece : pieces[s]) joined.lists[s].count += piece.count;
    total += joined.lists[s].count;
  }
  const auto rows = 2 * static_cast<std::int64_t>(pieces.size());
  const bool in_place = !matches.under_loan() && kSparseLists * 2 * total > rows * row;
  joined.bytes = (in_place ? rows * row : 2 * total) * 4;
  if (!in_place) joined.memory = Scratch(joined.bytes);
  std::int32_t* next = joined.memory.as<std::int32_t>();
  for (std::size_t s = 0; s < pieces.size(); ++s) {
    MatchList& list = joined.lists[s];
    list.queries = in_place ? matches.as<std::int32_t>() + static_cast<std::int64_t>(2 * s) * row
                            : std::exchange(next, next + list.count);
    list.targets = in_place ? list.queries + row : std::exchange(next, next + list.count);
  }
  // In place, pieces only ever move forward, in order.
  parallel_for(execution, rows, [&](std::int64_t side, int) {
    const auto s = static_cast<std::size_t>(side / 2);
    const std::int32_t* from = matches.as<std::int32_t>() + side * row;
    std::int32_t* to = side % 2 == 0 ? joined.lists[s].queries : joined.lists[s].targets;
    for (const MapPiece& piece : pieces[s]) {
      if (to != from + piece.begin)
        std::memmove(to, from + piece.begin, static_cast<std::size_t>(piece.count) * 4);
      to += piece.count;
    }
  });
  if (in_place) joined.memory = std::move(matches).keep();
  return joined;
}

PairLists sort_lists(const Execution& execution, const MapData& map, bool by_input) {
  const bool in_key_order = !map.in_key_order.empty();
  const bool as_they_are = in_key_order && !(by_input ? map.in_order : map.out_order);
  const PairLists& other = by_input ? map.by_out : map.by_in;
  if (in_key_order && other.begin && !map.in_order && !map.out_order) return other;
  PairLists sorted;
  sorted.begin = map.lists.begin;
  sorted.in = Tensor(DType::int32, {map.pairs});
  sorted.out = Tensor(DType::int32, {map.pairs});
  const auto begin = map.lists.begin.span<std::int64_t>();
  std::int32_t* const in = sorted.in.span<std::int32_t>().data();
  std::int32_t* const out = sorted.out.span<std::int32_t>().data();
  const auto pairs_of = [&](std::int64_t offset) {
    const auto k = static_cast<std::size_t>(offset);
    if (in_key_order) return map.in_key_order[k];
    return OffsetPairs{map.lists.in.span<std::int32_t>().data() + begin[k],
                       map.lists.out.span<std::int32_t>().data() + begin[k],
                       begin[k + 1] - begin[k]};
  };
  std::vector<RowColumn> columns(static_cast<std::size_t>(thread_count(execution)));
  parallel_for(execution, map.offsets, [&](std::int64_t offset, int worker) {
    const OffsetPairs pairs = pairs_of(offset);
    const std::int64_t first = begin[static_cast<std::size_t>(offset)];
    if (as_they_are) {
      std::copy_n(pairs.in, pairs.count, in + first);
      std::copy_n(pairs.out, pairs.count, out + first);
      return;
    }
    RowColumn& column = columns[static_cast<std::size_t>(worker)];
    std::int32_t* partner = column.of(by_input ? map.in_rows : map.out_rows);
    const std::int32_t* key = by_input ? pairs.in : pairs.out;
    const std::int32_t* value = by_input ? pairs.out : pairs.in;
    for (std::int64_t i = 0; i < pairs.count; ++i) partner[key[i]] = value[i];
    column.take(pairs.count, (by_input ? in : out) + first, (by_input ? out : in) + first);
  });
  return sorted;
}

}  // namespace gavotte::internal::cpu
