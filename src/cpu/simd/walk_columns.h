// The walk of a kernel map: sorted queries against columns of neighbouring keys.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "keys.h"

namespace gavotte::internal::cpu {

inline constexpr std::size_t kMaxColumnWidth = 5;
/// Padding keys behind the last target that a walk may read: two vectors and some.
inline constexpr std::size_t kTargetPadding = 40;

/// Greater than every key of a layout of this type; differences to keys fit the signed type.
template <class Key>
constexpr Key padding_key() {
  if constexpr (sizeof(Key) <= 8) {
    return static_cast<Key>(sentinel_key<Key>() >> 1);
  } else {
    return sentinel_key<Key>();
  }
}

/// Matches of one offset in the order of the queries: rows of both sides. Room for one match a query.
struct MatchList {
  std::int32_t* queries = nullptr;
  std::int32_t* targets = nullptr;
  std::int64_t count = 0;

  void add(std::int32_t query, std::int32_t target) {
    queries[count] = query;
    targets[count++] = target;
  }
};

/// Rows of sorted positions; null: the position is the row.
struct PositionRows {
  const std::int32_t* queries = nullptr;
  const std::int32_t* targets = nullptr;

  static std::int32_t at(const std::int32_t* rows, std::int64_t position) {
    return rows != nullptr ? rows[position] : static_cast<std::int32_t>(position);
  }
};

/// Offsets whose targets are the keys query + lowest, + lowest + 1, ...
template <class Key>
struct KeyColumn {
  Key lowest;
  std::size_t width = 1;
  const Key* cursor = nullptr;  ///< No target before it is still looked for.
  std::array<MatchList, kMaxColumnWidth> lists = {};
};

/// Queries [begin, end) against targets; both ascend, targets end in kTargetPadding padding keys.
template <class Key>
struct ColumnWalk {
  const Key* queries = nullptr;
  const Key* targets = nullptr;
  std::int64_t target_count = 0;
  std::int64_t begin = 0, end = 0;
  std::span<KeyColumn<Key>> columns;
  PositionRows rows = {};
};

/// Puts the cursors where the first query's targets may begin.
template <class Key>
void place_cursors(const ColumnWalk<Key>& walk) {
  for (KeyColumn<Key>& column : walk.columns) {
    column.cursor = std::lower_bound(walk.targets, walk.targets + walk.target_count,
                                     static_cast<Key>(walk.queries[walk.begin] + column.lowest));
  }
}

/// One column, queries [begin, end), one at a time: for keys of any type.
template <class Key>
void walk_one_by_one(const ColumnWalk<Key>& walk, KeyColumn<Key>& column, std::int64_t begin,
                     std::int64_t end) {
  for (std::int64_t q = begin; q < end; ++q) {
    Key wanted = walk.queries[q] + column.lowest;
    while (*column.cursor < wanted) ++column.cursor;
    const Key* key = column.cursor;
    for (std::size_t w = 0; w < column.width; ++w) {
      const bool found = *key == wanted;
      if (found)
        column.lists[w].add(PositionRows::at(walk.rows.queries, q),
                            PositionRows::at(walk.rows.targets, key - walk.targets));
      key += found;
      wanted = wanted + signed_key<Key>(1);
    }
  }
}

/// Appends the matches to the lists of the columns, whose cursors are placed.
void walk_columns(const ColumnWalk<Key32>& walk);
void walk_columns(const ColumnWalk<Key64>& walk);

}  // namespace gavotte::internal::cpu
