// Rows are sorted by their offsets' bits, the rare ones on top: rows that have one of these come together, and the frequent
// ones, which most rows have, decide last. Bits are read as a Gray code, so that neighbours in that order differ in few of
// them, where a carry of binary numbers changes many. In tiles of 4096 rows as many are multiplied as 1.12 times the pairs of
// room_10, 1.47 times those of lidar_10 (by binary numbers 1.13 and 1.50, in tiles of 1024 rows 1.19 and 1.66, unsorted 1.64
// and 2.77). Larger tiles would fit better still, but their inputs leave the second-level cache.
#include "cpu/row_groups.h"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <numeric>
#include <utility>

#include "cpu/radix_sort.h"
#include "cpu/tile_indirect.h"
#include "cpu/tile_rows.h"
#include "map_data.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kSortedRows = 4096;  // together
constexpr double kMostProducts = 2;         // a pair
constexpr int kDigitBits = 9, kDigits = 1 << kDigitBits;

using Row = KeyRow<Key32>;  // a place, and the bits of its offsets

// Radix sort on this thread, in memory of the workspace; returns where the rows are then, `rows` or `other`.
Row* sort_by_key(Row* rows, Row* other, std::int64_t count, int bits) {
  for (int shift = 0; shift < bits; shift += kDigitBits) {
    std::array<std::uint32_t, kDigits> places;
    count_digits(rows, 0, count, shift, kDigitBits, places.data());
    std::exclusive_scan(places.begin(), places.end(), places.begin(), 0U);
    scatter_items(rows, 0, count, shift, kDigitBits, places.data(), other);
    std::swap(rows, other);
  }
  return rows;
}

std::uint32_t number_of_gray_code(std::uint32_t code) {
  for (int shift = 1; shift < 32; shift *= 2) code ^= code >> shift;
  return code;
}

std::uint32_t gray_code(std::uint32_t number) { return number ^ (number >> 1); }

// Calls body(place, input) for each pair of an offset.
template <class Body>
void for_each_pair(const MapPairs& pairs, int k, const Workspace& workspace, Body&& body) {
  const auto at = static_cast<std::size_t>(k);
  const std::int64_t begin = workspace.first[at], count = workspace.counts[at];
  const std::int32_t *in = pairs.in(k) + begin, *out = pairs.out(k) + begin;
  if (pairs.out_rank == nullptr) {
    for (std::int64_t j = 0; j < count; ++j) body(out[j], in[j]);
  } else {
    for (std::int64_t j = 0; j < count; ++j) body(pairs.out_rank[out[j]], in[j]);
  }
}

// The offsets, that of the most pairs in the tile first.
std::array<int, kMostGroupOffsets> by_frequency(const Workspace& workspace, int offsets) {
  std::array<int, kMostGroupOffsets> order;
  std::iota(order.begin(), order.end(), 0);
  const auto count_of = [&](int k) { return workspace.counts[static_cast<std::size_t>(k)]; };
  std::stable_sort(order.begin(), order.begin() + offsets,
                   [&](int a, int b) { return count_of(a) > count_of(b); });
  return order;
}

}  // namespace

RowGroups::RowGroups(const Execution& execution, const KernelMap& map, const MapPairs& pairs)
    : rows_(pairs.out_rows), groups_((pairs.out_rows + kGroupRows - 1) / kGroupRows) {
  bytes_ = (2 * groups_ + rows_) * static_cast<std::int64_t>(sizeof(std::int32_t));
  memory_ = Scratch(bytes_);
  if (map.is_identity()) {
    group_identity();
    return;
  }
  ConvConfig config;
  const std::int64_t even = even_tile_rows(rows_, kSortedRows, thread_count(execution));
  config.tile_rows = static_cast<int>((even + kGroupRows - 1) / kGroupRows * kGroupRows);
  const WorkspaceLease workspaces(thread_count(execution));
  for_each_tile(execution, config, pairs, 0, workspaces,
                [&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
                  sort_rows(pairs, first, rows, workspace);
                });
  for (std::int64_t group = 0; group < groups_; ++group) {
    begin_at()[group] = static_cast<std::int32_t>(products_ / kGroupRows);
    products_ += std::popcount(some()[group]) * std::int64_t{kGroupRows};
  }
  if (static_cast<double>(products_) > kMostProducts * static_cast<double>(map.pairs())) return;
  const std::int64_t input_bytes = products_ * static_cast<std::int64_t>(sizeof(std::int32_t));
  inputs_memory_ = Scratch(input_bytes);
  bytes_ += input_bytes;
  for_each_tile(execution, config, pairs, 0, workspaces,
                [&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
                  list_inputs(pairs, first, rows, workspace);
                });
}

// Of which there may be no lists.
void RowGroups::group_identity() {
  products_ = groups_ * kGroupRows;
  inputs_memory_ = Scratch(products_ * static_cast<std::int64_t>(sizeof(std::int32_t)));
  auto* const inputs = inputs_memory_.as<std::int32_t>();
  std::iota(inputs, inputs + rows_, 0);
  std::fill(inputs + rows_, inputs + products_, -1);
  std::iota(rows_at(), rows_at() + rows_, 0);
  std::fill_n(memory_.as<std::uint32_t>(), groups_, 1U);
  for (std::int64_t group = 0; group < groups_; ++group)
    begin_at()[group] = static_cast<std::int32_t>(group);
}

// Places of the tile's rows for y_rows, and the offsets of its groups.
void RowGroups::sort_rows(const MapPairs& pairs, std::int64_t first, std::int64_t rows,
                          Workspace& workspace) {
  const auto offsets = by_frequency(workspace, pairs.offsets);
  auto* const by_place = workspace.entry_begin.as<Row>(2 * rows);
  for (std::int64_t i = 0; i < rows; ++i) by_place[i] = {static_cast<std::uint32_t>(first + i), 0};
  for (int bit = 0; bit < pairs.offsets; ++bit)
    for_each_pair(pairs, offsets[static_cast<std::size_t>(bit)], workspace,
                  [&](std::int64_t place, std::int32_t) {
                    by_place[place - first].key |= std::uint32_t{1} << bit;
                  });
  for (std::int64_t i = 0; i < rows; ++i) by_place[i].key = number_of_gray_code(by_place[i].key);
  const Row* const sorted = sort_by_key(by_place, by_place + rows, rows, pairs.offsets);
  auto* const some = memory_.as<std::uint32_t>() + first / kGroupRows;
  for (std::int64_t i = 0; i < rows; i += kGroupRows) {
    std::uint32_t bits = 0, all = 0;
    for (std::int64_t j = i; j < std::min<std::int64_t>(i + kGroupRows, rows); ++j) {
      bits |= gray_code(sorted[j].key);
      rows_at()[first + j] = static_cast<std::int32_t>(sorted[j].row);
    }
    for (; bits != 0; bits &= bits - 1)
      all |= std::uint32_t{1} << offsets[static_cast<std::size_t>(std::countr_zero(bits))];
    some[i / kGroupRows] = all;
  }
}

// The tile's inputs, and rows of the output in place of places.
void RowGroups::list_inputs(const MapPairs& pairs, std::int64_t first, std::int64_t rows,
                            Workspace& workspace) {
  auto* const rank = workspace.entry_begin.as<std::int32_t>(rows);
  std::int32_t* const y_rows = rows_at() + first;
  for (std::int64_t i = 0; i < rows; ++i) {
    rank[y_rows[i] - first] = static_cast<std::int32_t>(i);
    if (pairs.out_order != nullptr) y_rows[i] = pairs.out_order[y_rows[i]];
  }
  const std::int64_t group = first / kGroupRows, groups = (rows + kGroupRows - 1) / kGroupRows;
  auto* const begin =
      workspace.entries.as<std::int32_t>(groups);  // the block of the offset's inputs
  std::copy_n(begin_at() + group, groups, begin);
  auto* const all = inputs_memory_.as<std::int32_t>();
  const std::int64_t end =
      group + groups < groups_ ? begin_at()[group + groups] : products_ / kGroupRows;
  std::fill(all + std::int64_t{begin[0]} * kGroupRows, all + end * kGroupRows, -1);
  for (int k = 0; k < pairs.offsets; ++k) {
    for_each_pair(pairs, k, workspace, [&](std::int64_t place, std::int32_t input) {
      const std::int32_t i = rank[place - first];
      all[std::int64_t{begin[i / kGroupRows]} * kGroupRows + i % kGroupRows] = input;
    });
    for (std::int64_t i = 0; i < groups; ++i)
      begin[i] += static_cast<std::int32_t>(some()[group + i] >> k & 1U);
  }
}

std::shared_ptr<const RowGroups> row_groups(const Execution& execution, const KernelMap& map,
                                            const MapPairs& pairs) {
  const MapData& data = *map.data();
  const std::lock_guard lock(data.mutex);
  auto& kept = map.is_transposed() ? data.transposed_row_groups : data.row_groups;
  if (!kept) {
    kept = std::make_shared<const RowGroups>(execution, map, pairs);
    data.row_group_bytes += kept->bytes();
  }
  return kept;
}

}  // namespace gavotte::internal::cpu
