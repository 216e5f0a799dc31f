// A counting sort by output row: counts, their sums, then each entry to its place.
#include "cpu/tile_entries.h"

#include <algorithm>
#include <numeric>

namespace gavotte::internal::cpu {
namespace {

/// Calls visit(offset, input row, place of the output row in the tile) for the tile's pairs.
template <class Visit>
void for_each_pair(const MapPairs& pairs, std::int64_t first_row, const Workspace& workspace,
                   Visit&& visit) {
  const std::int32_t* rank = pairs.out_rank;
  for (int k = 0; k < pairs.offsets; ++k) {
    const std::int64_t first = workspace.first[static_cast<std::size_t>(k)];
    const std::int64_t end = first + workspace.counts[static_cast<std::size_t>(k)];
    const std::int32_t *in = pairs.in(k), *out = pairs.out(k);
    if (rank != nullptr) {
      for (std::int64_t j = first; j < end; ++j) visit(k, in[j], rank[out[j]] - first_row);
    } else {
      for (std::int64_t j = first; j < end; ++j) visit(k, in[j], out[j] - first_row);
    }
  }
}

}  // namespace

TileEntries list_entries(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                         Workspace& workspace) {
  const std::int64_t total =
      std::accumulate(workspace.counts.begin(), workspace.counts.end(), std::int64_t{0});
  // begin[r + 1] is where row r's next entry goes: filling turns it into the final form.
  auto* begin = workspace.entry_begin.as<std::uint32_t>(rows + 2);
  std::fill_n(begin, rows + 2, 0U);
  for_each_pair(pairs, first_row, workspace,
                [&](int, std::int32_t, std::int64_t place) { ++begin[place + 2]; });
  std::partial_sum(begin, begin + rows + 2, begin);
  auto* inputs = workspace.entries.as<std::int32_t>(total);
  auto* offsets = workspace.entry_offsets.as<std::int32_t>(total);
  for_each_pair(pairs, first_row, workspace, [&](int k, std::int32_t in, std::int64_t place) {
    const std::uint32_t entry = begin[place + 1]++;
    inputs[entry] = in;
    offsets[entry] = k;
  });
  return {begin, inputs, offsets};
}

}  // namespace gavotte::internal::cpu
