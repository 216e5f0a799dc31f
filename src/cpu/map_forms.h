// From matches of sorted positions to the forms of a map: pair lists by row.
#pragma once

#include <cstdint>
#include <vector>

#include "gavotte/device.h"
#include "map_data.h"

namespace gavotte::internal::cpu {

/// A run of matches of one offset: sorted positions of both sides.
struct MatchRun {
  const std::int32_t* queries = nullptr;
  const std::int32_t* targets = nullptr;
  std::int64_t count = 0;
};

/// Rows of sorted positions; null: the position is the row.
struct PositionRows {
  const std::int32_t* query = nullptr;
  const std::int32_t* target = nullptr;
};

/// Pairs of offset k are the runs[k] in turn; query_is_input[k] says which side is the input row.
/// An offset without runs whose identity_rows is above 0 pairs row i with row i.
struct ListsPlan {
  std::vector<std::vector<MatchRun>> runs;
  std::vector<std::uint8_t> query_is_input;
  int identity_offset = -1;
  std::int64_t identity_rows = 0;
  PositionRows rows;
};
PairLists make_lists(const Execution&, const ListsPlan&);

/// Reorders each offset's pairs by `key` rows (in or out), each of which occurs at most once for an
/// offset.
PairLists sort_lists(const Execution&, const PairLists&, bool by_input, std::int64_t rows);

}  // namespace gavotte::internal::cpu
