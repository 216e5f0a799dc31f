// The search behind a kernel map: sorted queries against sorted targets, for each offset.
//
// Both sides are keys of one box: the fine set's, widened on each side by the reach of the kernel.
// A query stands for a coarse coordinate; for offset k it looks for the target `query + step[k]`.
// Queries whose whole window lies outside the fine set's box are dropped beforehand, so no key can
// alias across an axis.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend.h"
#include "keys.h"
#include "loan.h"
#include "simd/walk_columns.h"

namespace gavotte::internal::cpu {

/// Matches of one offset in a range of queries, in the order of the queries.
struct MapPiece {
  std::int64_t begin = 0;  ///< In the offset's row of the scratch.
  std::int64_t count = 0;
};

template <class Key>
struct MapSearch {
  std::span<const Key> queries;  ///< Ascending: of the window's smallest corner, or of its origin.
  std::span<const Key> targets;  ///< Ascending, then kTargetPadding padding keys.
  std::int64_t target_count = 0;
  Borrowed query_memory, target_memory;
  PositionRows rows;                ///< What matches are stored as.
  std::vector<Key> steps;           ///< For each offset: what to add to a query's key.
  std::vector<AxisOffset> offsets;  ///< The same offsets as integers per axis.
  std::vector<int> searched;        ///< The offsets to search (all, or half of a symmetric kernel).
  int dims = 3;

  // Result, for each searched offset s: pieces[s], ascending, of its two rows of the scratch, each as
  // long as there are queries.
  std::vector<std::vector<MapPiece>> pieces;
  Borrowed matches;
  std::int32_t* match_queries(std::size_t s) const { return match_row(2 * s); }
  std::int32_t* match_targets(std::size_t s) const { return match_row(2 * s + 1); }

 private:
  std::int32_t* match_row(std::size_t row) const {
    return matches.as<std::int32_t>() +
           static_cast<std::int64_t>(row) * static_cast<std::int64_t>(queries.size());
  }
};

/// Offsets that differ only in the last axis form a column: search for the lowest, then walk.
template <class Key>
void column_walk(const Execution&, const MapConfig&, MapSearch<Key>&);

/// Minuet's double traversal (EuroSys'24): targets are cut into blocks; backward, the border of
/// each block among the queries of each offset; forward, each query inside its staged block.
template <class Key>
void double_traversal(const Execution&, const MapConfig&, MapSearch<Key>&);

}  // namespace gavotte::internal::cpu
