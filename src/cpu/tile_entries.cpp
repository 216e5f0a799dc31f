// Each row has room for an entry of every offset, so that a pair is placed by one look at the row's count: offset after
// offset, and for each as far as the block's rows reach.
#include "cpu/tile_entries.h"

#include <algorithm>

namespace gavotte::internal::cpu {
namespace {

// Of a block: few enough for a fast cache, and so many that each offset has a run of pairs (EPYC, 2026-11-22, poolings of 16
// channels on lidar_10 in key order: 1.1 of the rate of 256 rows, 1024 the same).
constexpr std::int64_t kMostRows = 512, kMostEntries = 16384;
constexpr std::int64_t kApart = 8;  // entries of a row lie in different sets of the cache

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Calls visit(offset, row of the input, place of the output row in the block) for the pairs of the rows at places [first,
/// + rows), and takes these pairs from those that the workspace says the tile has.
template <class Visit>
void take_pairs(const MapPairs& pairs, std::int64_t first, std::int64_t rows, Workspace& workspace,
                Visit&& visit) {
  const std::int32_t* const rank = pairs.out_rank;
  for (int k = 0; k < pairs.offsets; ++k) {
    std::int64_t &begin = workspace.first[index(k)], &count = workspace.counts[index(k)];
    const std::int32_t *in = pairs.in(k) + begin, *out = pairs.out(k) + begin;
    const auto visit_while = [&](auto place_of) {
      std::int64_t j = 0;
      for (; j < count; ++j) {
        const std::int64_t place = place_of(out[j]) - first;
        if (place >= rows) break;
        visit(k, in[j], place);
      }
      begin += j;
      count -= j;
    };
    if (rank != nullptr) {
      visit_while([rank](std::int32_t row) { return std::int64_t{rank[row]}; });
    } else {
      visit_while([](std::int32_t row) { return std::int64_t{row}; });
    }
  }
}

}  // namespace

const std::uint32_t* count_inputs(const MapPairs& pairs, std::int64_t first, std::int64_t rows,
                                  Workspace& workspace) {
  auto* const counts = workspace.entry_begin.as<std::uint32_t>(rows);
  std::fill_n(counts, rows, 0U);
  take_pairs(pairs, first, rows, workspace,
             [counts](int, std::int32_t, std::int64_t place) { ++counts[place]; });
  return counts;
}

void for_each_block(const MapPairs& pairs, const EntryLists& lists, std::int64_t first,
                    std::int64_t rows, Workspace& workspace,
                    FunctionRef<void(const RowEntries&)> body) {
  const std::int64_t slots = pairs.offsets + kInputStep - 1;
  const std::int64_t block = std::clamp<std::int64_t>(kMostEntries / slots, 1, kMostRows);
  const std::int64_t stride = block + kApart, row_bytes = lists.row_bytes;
  const auto* const x = static_cast<const std::byte*>(lists.x);
  const auto* const filler = static_cast<const std::byte*>(lists.filler);
  auto* const counts = workspace.entry_begin.as<std::uint32_t>(block);
  auto** const inputs = workspace.entries.as<const std::byte*>(slots * stride);
  auto* const offsets =
      lists.offsets ? workspace.entry_offsets.as<std::int32_t>(slots * stride) : nullptr;
  for (std::int64_t place = first; place < first + rows; place += block) {
    const std::int64_t count = std::min(block, first + rows - place);
    std::fill_n(counts, count, 0U);
    if (offsets != nullptr) {
      take_pairs(pairs, place, count, workspace, [=](int k, std::int32_t in, std::int64_t r) {
        const std::int64_t entry = r + counts[r]++ * stride;
        inputs[entry] = fetch_row(x + in * row_bytes, row_bytes);
        offsets[entry] = k;
      });
    } else {
      take_pairs(pairs, place, count, workspace, [=](int, std::int32_t in, std::int64_t r) {
        inputs[r + counts[r]++ * stride] = fetch_row(x + in * row_bytes, row_bytes);
      });
    }
    std::uint32_t bits = 0;
    for (std::int64_t r = 0; r < count; ++r) bits |= counts[r];
    const bool filled = bits > 1 && filler != nullptr;
    for (std::int64_t r = 0; filled && r < count; ++r) {
      std::int64_t entry = r + counts[r] * stride;
      for (std::uint32_t i = 0; i + 1 < kInputStep; ++i, entry += stride) {
        inputs[entry] = filler;
        if (offsets != nullptr) offsets[entry] = lists.filler_offset;
      }
    }
    body({place, count, stride, counts, inputs, offsets, filled});
  }
}

}  // namespace gavotte::internal::cpu
