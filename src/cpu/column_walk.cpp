// Kernel map by walking columns. Offsets that differ only in the last axis and follow each other
// there form a column; a cursor follows the lowest one's target as the queries ascend, and the
// others are the next few keys: 9 cursors for 3x3x3 instead of 27 searches. Guard bands make it
// exact: a key in the column of another row can never equal the one looked for. A thread walks one
// share of the queries, so that what it finds is one piece of each list.
#include <algorithm>

#include "map_search.h"
#include "parallel.h"
#include "simd/walk_columns.h"

namespace gavotte::internal::cpu {

namespace {

/// Offsets (positions in MapSearch::searched) of one column, lowest first.
using Column = std::vector<std::size_t>;

template <class Key>
std::vector<Column> columns_of(const MapSearch<Key>& search) {
  std::vector<std::size_t> sorted(search.searched.size());
  for (std::size_t s = 0; s < sorted.size(); ++s) sorted[s] = s;
  const auto offset = [&](std::size_t s) -> const AxisOffset& {
    return search.offsets[static_cast<std::size_t>(search.searched[s])];
  };
  std::sort(sorted.begin(), sorted.end(),
            [&](std::size_t a, std::size_t b) { return offset(a) < offset(b); });
  const auto last = static_cast<std::size_t>(search.dims - 1);
  std::vector<Column> columns;
  AxisOffset next = {};  // what would go on with the column
  for (const std::size_t s : sorted) {
    if (columns.empty() || columns.back().size() == kMaxColumnWidth || offset(s) != next)
      columns.emplace_back();
    columns.back().push_back(s);
    next = offset(s);
    ++next[last];
  }
  return columns;
}

}  // namespace

template <class Key>
void column_walk(const Execution& execution, const MapConfig& config, MapSearch<Key>& search) {
  const std::vector<Column> columns = columns_of(search);
  const auto queries = static_cast<std::int64_t>(search.queries.size());
  const std::int64_t shares =
      std::clamp<std::int64_t>(queries / config.query_tile, queries > 0, thread_count(execution));
  for (auto& pieces : search.pieces) pieces.resize(static_cast<std::size_t>(shares));
  parallel_for(execution, shares, [&](std::int64_t share, int) {
    ColumnWalk<Key> walk{search.queries.data(),
                         search.targets.data(),
                         search.target_count,
                         queries * share / shares,
                         queries * (share + 1) / shares,
                         {},
                         search.rows};
    std::vector<KeyColumn<Key>> key_columns(columns.size());
    for (std::size_t c = 0; c < columns.size(); ++c) {
      KeyColumn<Key>& column = key_columns[c];
      column.lowest = search.steps[static_cast<std::size_t>(search.searched[columns[c].front()])];
      column.width = columns[c].size();
      for (std::size_t w = 0; w < column.width; ++w) {
        column.lists[w] = {search.match_queries(columns[c][w]) + walk.begin,
                           search.match_targets(columns[c][w]) + walk.begin};
      }
    }
    walk.columns = key_columns;
    place_cursors(walk);
    if constexpr (sizeof(Key) <= 8) {
      walk_columns(walk);
    } else {
      for (KeyColumn<Key>& column : key_columns) {
        walk_one_by_one(walk, column, walk.begin, walk.end);
      }
    }
    for (std::size_t c = 0; c < columns.size(); ++c) {
      for (std::size_t w = 0; w < columns[c].size(); ++w) {
        search.pieces[columns[c][w]][static_cast<std::size_t>(share)] = {
            walk.begin, key_columns[c].lists[w].count};
      }
    }
  });
}

template void column_walk(const Execution&, const MapConfig&, MapSearch<Key32>&);
template void column_walk(const Execution&, const MapConfig&, MapSearch<Key64>&);
template void column_walk(const Execution&, const MapConfig&, MapSearch<Key128>&);
template void column_walk(const Execution&, const MapConfig&, MapSearch<Key192>&);

}  // namespace gavotte::internal::cpu
