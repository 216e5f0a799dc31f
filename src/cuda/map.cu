// Builds a kernel map: keys of both sides in one box, the dense table by a search, and from the
// table the pair lists.
//
// Queries are always the output side, so that a row of the table is written by neighbouring threads.
// Where the output's rows are in key order that is the table itself, and a searched offset's matches
// are flagged on the way. Where they are not, the entries of one row are written side by side to
// [rows, K] and arranged afterwards: a few sectors a row instead of one for each entry.
#include "cuda/map.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cuda/coordinates.h"
#include "cuda/launch.h"
#include "cuda/map_keys.h"
#include "cuda/map_search.h"

namespace gavotte::internal::cuda {
namespace {

/// One of each mirrored pair where the map is its own mirror, else all. Of a pair the one whose
/// difference is not below zero: these make the fewest columns.
SearchedOffsets searched_offsets(const MapSides& sides, const MapConfig& config) {
  SearchedOffsets searched;
  searched.offsets = static_cast<int>(sides.geometry.offsets.size());
  searched.mirrored = sides.shared_keys && sides.geometry.symmetric && config.symmetric &&
                      searched.offsets % 2 == 1;
  for (int k = 0; k < searched.offsets; ++k)
    if (sides.difference(k) >= AxisOffset{}) searched.insert(k);
  return searched;
}

/// The offsets to search, by difference.
template <class Key>
void list_offsets(const MapSides& sides, const SearchedOffsets& searched, MapSearch<Key>& search) {
  for (int k = 0; k < searched.offsets; ++k)
    if (searched.contains(k)) search.offsets.push_back(k);
  std::sort(search.offsets.begin(), search.offsets.end(),
            [&](int a, int b) { return sides.difference(a) < sides.difference(b); });
  for (const int k : search.offsets) {
    search.differences.push_back(sides.difference(k));
    search.steps.push_back(sides.layout.template difference<Key>(search.differences.back()));
  }
}

template <class Key>
void run_search(const Execution& execution, const MapSides& sides, const MapConfig& config,
                const MatchSink& sink, const Cleared& cleared) {
  Scratch<Key> targets(execution, sides.input.rows);
  Scratch<Key> queries;
  if (!sides.shared_keys) queries = Scratch<Key>(execution, sides.output.rows);
  write_keys<Key>(execution, sides, sink.searched, cleared, targets.get(), queries.get());

  MapSearch<Key> search;
  search.targets = targets.get();
  search.queries = sides.shared_keys ? targets.get() : queries.get();
  search.target_count = rows_of(sides.input);
  search.query_count = rows_of(sides.output);
  search.dims = sides.geometry.dims;
  search.sink = sink;
  list_offsets(sides, sink.searched, search);
  if (config.builder == MapBuilder::column_walk)
    column_walk(execution, config, search);
  else
    double_traversal(execution, config, search);
}

const std::int32_t* order_of(const CoordinateData& set) {
  return set.order ? static_cast<const std::int32_t*>(set.order.data()) : nullptr;
}

/// Writes the table and its flags.
RowFlags search_table(const Execution& execution, const MapSides& sides, const MapConfig& config,
                      std::int32_t* table) {
  const SearchedOffsets searched = searched_offsets(sides, config);
  const std::int64_t rows = sides.output.rows;
  const bool in_key_order = !sides.output.order;
  // Mirrored lists are sorted only where both sides' rows are; arranging flags all offsets.
  const SearchedOffsets all{.offsets = searched.offsets};
  RowFlags flags(execution, in_key_order ? searched : all, rows_of(sides.output));

  MatchSink sink;
  sink.query_rows = order_of(sides.output);
  sink.target_rows = order_of(sides.input);
  sink.searched = searched;
  Cleared cleared;
  Scratch<std::int32_t> by_row;
  if (in_key_order) {
    sink.table = table;
    sink.offset_stride = rows;
    sink.row_stride = 1;
    sink.flags = flags.words.get();
    sink.groups = flags.groups;
    if (searched.mirrored) {
      cleared.table = table;
      cleared.table_rows = rows;
    }
    if (config.builder == MapBuilder::double_traversal) {
      cleared.flags = flags.words.get();
      cleared.flag_words = flags.word_count();
    }
  } else {
    by_row = Scratch<std::int32_t>(execution, rows * searched.offsets);
    sink.table = by_row.get();
    sink.offset_stride = 1;
    sink.row_stride = searched.offsets;
    if (searched.mirrored)
      fill_bytes(execution.stream.handle, sink.table, 0xff,
                 rows * searched.offsets * static_cast<std::int64_t>(sizeof(std::int32_t)));
  }
  // Rows behind the count of a deferred set hold nothing.
  if (sides.output.deferred())
    fill_bytes(execution.stream.handle, table, 0xff,
               rows * searched.offsets * static_cast<std::int64_t>(sizeof(std::int32_t)));
  dispatch_key(sides.layout.bits,
               [&]<class Key>() { run_search<Key>(execution, sides, config, sink, cleared); });
  if (!in_key_order) arrange_table(execution, sink.table, table, flags);
  count_rows(execution, flags);
  return flags;
}

CsrLists lists_into(PairLists& lists, bool rows_are_inputs) {
  auto* in = static_cast<std::int32_t*>(lists.in.data());
  auto* out = static_cast<std::int32_t*>(lists.out.data());
  return {static_cast<std::int64_t*>(lists.begin.data()), rows_are_inputs ? in : out,
          rows_are_inputs ? out : in};
}

}  // namespace

PendingMap launch_map(const Execution& execution, const Geometry& geometry,
                      const CoordinateData& input, const CoordinateData& output,
                      const MapConfig& config) {
  use_device(execution.device.index);
  PendingMap pending;
  pending.map = std::make_shared<MapData>();
  MapData& map = *pending.map;
  map.execution = execution;
  map.offsets = static_cast<int>(geometry.offsets.size());
  map.in_rows = input.rows;
  map.out_rows = output.rows;
  map.sorted_by_out = true;
  map.sorted_by_in = !input.order && !output.order;
  if (&input == &output && input.rows > 0) map.identity_offset = geometry.identity_offset;
  map.table = make_tensor(execution, DType::int32, Shape{std::int64_t{map.offsets}, map.out_rows});
  pending.flags = search_table(execution, MapSides(geometry, input, output), config,
                               static_cast<std::int32_t*>(map.table.data()));
  return pending;
}

std::vector<std::shared_ptr<const MapData>> finish_maps(const Execution& execution,
                                                        std::span<PendingMap> pending) {
  use_device(execution.device.index);
  std::vector<std::vector<std::int64_t>> pairs;  // of each map's offsets
  std::vector<ReadBack> pieces;
  pairs.reserve(pending.size());
  for (const PendingMap& one : pending) {
    std::vector<std::int64_t>& of_map = pairs.emplace_back(one.map->offsets);
    pieces.push_back({of_map.data(), one.flags.totals.get(),
                      one.map->offsets * static_cast<std::int64_t>(sizeof(std::int64_t))});
  }
  read_back(execution, pieces);
  std::vector<std::shared_ptr<const MapData>> maps;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    PendingMap& one = pending[i];
    MapData& map = *one.map;
    map.pairs = std::accumulate(pairs[i].begin(), pairs[i].end(), std::int64_t{0});
    map.lists.begin = make_tensor(execution, DType::int64, Shape{map.offsets + std::int64_t{1}});
    map.lists.in = make_tensor(execution, DType::int32, Shape{map.pairs});
    map.lists.out = make_tensor(execution, DType::int32, Shape{map.pairs});
    compact_pairs(execution, static_cast<const std::int32_t*>(map.table.data()), one.flags,
                  lists_into(map.lists, false));
    one.flags = {};
    maps.push_back(std::move(one.map));
  }
  return maps;
}

std::shared_ptr<const MapData> build_map(const Execution& execution, const Geometry& geometry,
                                         const CoordinateData& input, const CoordinateData& output,
                                         const MapConfig& config, Wait wait) {
  PendingMap pending = launch_map(execution, geometry, input, output, config);
  const bool deferred_sets = input.deferred() || output.deferred();
  if (wait == Wait::now && !deferred_sets) return finish_maps(execution, {&pending, 1}).front();
  pending.map->pairs = pending.map->offsets * pending.map->out_rows;
  if (!deferred_sets) pending.map->pending = std::make_shared<RowFlags>(std::move(pending.flags));
  return std::move(pending.map);
}

void resolve(const Execution& execution, std::span<const std::shared_ptr<const MapData>> maps) {
  std::vector<PendingMap> pending;
  for (const auto& map : maps) {
    if (!map->pending) continue;
    // Made by this backend, and nobody but the caller has seen it.
    auto own = std::const_pointer_cast<MapData>(map);
    pending.push_back({own, std::move(*static_cast<RowFlags*>(own->pending.get()))});
    own->pending.reset();
  }
  if (!pending.empty()) finish_maps(execution, pending);
}

Tensor transpose_table(const Execution& execution, ConstTensorView table, std::int64_t in_rows) {
  use_device(execution.device.index);
  return swap_sides(execution, table, in_rows);
}

PairLists sort_by_input(const Execution& execution, const MapData& map) {
  use_device(execution.device.index);
  if (!map.transposed_table) {
    map.transposed_table = scatter_pairs(
        execution, {map.offsets, map.in_rows, map.lists.begin, map.lists.out, map.lists.in, {}});
  }
  const auto* table = static_cast<const std::int32_t*>(map.transposed_table.data());
  RowFlags flags(execution, SearchedOffsets{.offsets = map.offsets}, RowCount{map.in_rows});
  flag_rows(execution, table, flags);
  count_rows(execution, flags);
  PairLists sorted;
  sorted.begin = map.lists.begin;
  sorted.in = make_tensor(execution, DType::int32, Shape{map.pairs});
  sorted.out = make_tensor(execution, DType::int32, Shape{map.pairs});
  CsrLists lists = lists_into(sorted, true);
  lists.begin = nullptr;
  compact_pairs(execution, table, flags, lists);
  return sorted;
}

Tensor map_table(const Execution& execution, const PairView& pairs) {
  use_device(execution.device.index);
  return scatter_pairs(execution, pairs);
}

Tensor map_masks(const Execution& execution, const PairView& pairs) {
  use_device(execution.device.index);
  if (pairs.table) return mask_rows(execution, pairs.table);
  return mask_rows(execution, scatter_pairs(execution, pairs));
}

}  // namespace gavotte::internal::cuda
