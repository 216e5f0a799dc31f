// From what a search has found to the pair lists of a map: in key order, or by row.
#pragma once

#include <cstdint>
#include <vector>

#include "gavotte/device.h"
#include "loan.h"
#include "map_data.h"
#include "map_search.h"

namespace gavotte::internal::cpu {

/// Matches of the searched offsets, each list in one piece, and their memory.
struct MatchLists {
  std::vector<MatchList> lists;
  Scratch memory;
  std::int64_t bytes = 0;
};

/// Joins the pieces of each offset, which lie in its two rows of `matches`, int32 [2 * offsets, row],
/// and which may be empty. The lists stay in that memory unless a loan is open, or they fill little of it.
MatchLists join_pieces(const Execution&, const std::vector<std::vector<MapPiece>>& pieces,
                       Borrowed matches, std::int64_t row);

/// The map's pairs with each offset's in the order of their input rows, or output rows.
PairLists sort_lists(const Execution&, const MapData&, bool by_input);

}  // namespace gavotte::internal::cpu
