// Builds a kernel map: keys of both sides in one box, a search by the builder of the config, whose
// matches are the pair lists.
#include "map.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "map_forms.h"
#include "map_search.h"
#include "map_space.h"
#include "parallel.h"
#include "row_blocks.h"

namespace gavotte::internal::cpu {

namespace {

constexpr std::int64_t kKeyRows = 1 << 14;  // of a task that makes keys
constexpr std::int64_t kPrefetchRows = 16;  // coordinates on their way where rows are in no order

std::int32_t row_at(const CoordinateData& set, std::int64_t position) {
  return set.order ? set.order.span<std::int32_t>()[static_cast<std::size_t>(position)]
                   : static_cast<std::int32_t>(position);
}

/// Keys of the fine set in key order, then padding. kept: those that its sort has left.
template <class Key>
void make_targets(const Execution& execution, const CoordinateData& fine, const KeyLayout& layout,
                  bool kept, MapSearch<Key>& search) {
  search.target_count = fine.rows;
  const auto size = static_cast<std::size_t>(fine.rows) + kTargetPadding;
  if (kept) {
    search.targets = {static_cast<const Key*>(fine.keys.get()), size};
    return;
  }
  search.target_memory = Borrowed(static_cast<std::int64_t>(size * sizeof(Key)));
  Key* keys = search.target_memory.template as<Key>();
  std::fill(keys + fine.rows, keys + size, padding_key<Key>());
  search.targets = {keys, size};
  const std::int32_t* lattice = fine.lattice.span<std::int32_t>().data();
  const std::int32_t* order = fine.order ? fine.order.span<std::int32_t>().data() : nullptr;
  for_row_blocks(execution, fine.rows, kKeyRows, [&](const RowBlock& block) {
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      if (order != nullptr && i + kPrefetchRows < block.end)
        __builtin_prefetch(lattice + std::int64_t{order[i + kPrefetchRows]} * layout.columns);
      const std::int64_t row = order != nullptr ? order[i] : i;
      keys[i] = layout.key<Key>(lattice + row * layout.columns);
    }
  });
}

/// Keys of the smallest corner of each coarse coordinate's window, in key order. Windows outside
/// the box are dropped: rows then holds the coarse row of each query; otherwise it stays empty.
template <class Key>
void make_queries(const Execution& execution, const CoordinateData& coarse,
                  const Geometry& geometry, const Reach& reach, const Box& box,
                  const KeyLayout& layout, MapSearch<Key>& search,
                  std::vector<std::int32_t>& rows) {
  const auto dims = static_cast<std::size_t>(geometry.dims);
  const std::int32_t* lattice = coarse.lattice.span<std::int32_t>().data();
  const auto corner = [&](std::int64_t row, std::array<std::int64_t, 1 + kMaxDims>& values) {
    const std::int32_t* coordinate = lattice + row * layout.columns;
    values[0] = coordinate[0];
    bool inside = values[0] >= box.lower[0] && values[0] <= box.upper[0];
    for (std::size_t axis = 0; axis < dims; ++axis) {
      values[axis + 1] = coordinate[axis + 1] * geometry.scale[axis] + reach.lower[axis];
      inside = inside && values[axis + 1] >= box.lower[axis + 1] &&
               values[axis + 1] + (reach.upper[axis] - reach.lower[axis]) <= box.upper[axis + 1];
    }
    return inside;
  };

  const bool all_inside = windows_inside(coarse.box, geometry, reach, box);
  if (!all_inside) {
    std::array<std::int64_t, 1 + kMaxDims> values = {};
    for (std::int64_t i = 0; i < coarse.rows; ++i) {
      const std::int32_t row = row_at(coarse, i);
      if (corner(row, values)) rows.push_back(row);
    }
  }
  const std::int64_t count = all_inside ? coarse.rows : static_cast<std::int64_t>(rows.size());
  search.query_memory = Borrowed(count * static_cast<std::int64_t>(sizeof(Key)));
  Key* keys = search.query_memory.template as<Key>();
  search.queries = {keys, static_cast<std::size_t>(count)};
  for_row_blocks(execution, count, kKeyRows, [&](const RowBlock& block) {
    std::array<std::int64_t, 1 + kMaxDims> values = {};
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      corner(all_inside ? row_at(coarse, i) : rows[static_cast<std::size_t>(i)], values);
      keys[i] = layout.key<Key>(values.data());
    }
  });
}

/// Which rows the positions of queries and targets stand for.
struct Sides {
  const CoordinateData& coarse;
  const CoordinateData& fine;
  bool same_set = false;
  bool fine_keys = false;  ///< The keys of the fine set are there.
};

const std::int32_t* rows_of(const Tensor& order) {
  return order ? order.span<std::int32_t>().data() : nullptr;
}

/// What a map's lists point into.
struct ListMemory {
  MatchLists matches;
  Scratch identity;
};

/// Gives the map the lists of all offsets, from those of the offsets that were searched.
template <class Key>
void list_pairs(const Execution& execution, const Geometry& geometry, const Sides& sides,
                bool mirrored, MapSearch<Key>& search, MapData& map) {
  const auto offsets = geometry.offsets.size();
  map.in_key_order.resize(offsets);
  auto memory = std::make_shared<ListMemory>();
  memory->matches = join_pieces(execution, search.pieces, std::move(search.matches),
                                static_cast<std::int64_t>(search.queries.size()));
  const MatchLists& matches = memory->matches;
  for (std::size_t s = 0; s < search.searched.size(); ++s) {
    const auto k = static_cast<std::size_t>(search.searched[s]);
    const MatchList& list = matches.lists[s];
    // Queries are the coarse side: the input where the output is fine.
    OffsetPairs pairs{list.targets, list.queries, list.count};
    if (geometry.output_is_fine) std::swap(pairs.in, pairs.out);
    map.in_key_order[k] = pairs;
    if (mirrored) map.in_key_order[offsets - 1 - k] = {pairs.out, pairs.in, pairs.count};
  }
  map.key_order_bytes = matches.bytes;
  if (sides.same_set && geometry.identity_offset >= 0) {
    const std::int32_t* rows = rows_of(sides.fine.order);
    if (rows == nullptr) {
      Scratch& places = memory->identity;
      places = Scratch(sides.fine.rows * 4);
      map.key_order_bytes += sides.fine.rows * 4;
      std::iota(places.as<std::int32_t>(), places.as<std::int32_t>() + sides.fine.rows, 0);
      rows = places.as<std::int32_t>();
    }
    map.in_key_order[static_cast<std::size_t>(geometry.identity_offset)] = {rows, rows,
                                                                            sides.fine.rows};
  }
  map.key_order_memory = std::move(memory);
  map.lists.begin = Tensor(DType::int64, {static_cast<std::int64_t>(offsets) + 1});
  const auto begin = map.lists.begin.span<std::int64_t>();
  for (std::size_t k = 0; k < offsets; ++k) {
    begin[k] = map.pairs;
    map.pairs += map.in_key_order[k].count;
  }
  begin[offsets] = map.pairs;
}

template <class Key>
void search_and_list(const Execution& execution, const Geometry& geometry, const Sides& sides,
                     const MapConfig& config, const KeyLayout& layout, const Box& box,
                     const Reach& reach, MapData& map) {
  MapSearch<Key> search;
  search.dims = geometry.dims;
  search.offsets = geometry.offsets;
  make_targets(execution, sides.fine, layout, sides.fine_keys, search);
  std::vector<std::int32_t> query_rows;
  // A set on both sides: its keys serve as queries as they are, steps then count from the origin.
  const bool shared_keys = sides.same_set && geometry.scale == AxisOffset{1, 1, 1, 1} &&
                           windows_inside(sides.coarse.box, geometry, reach, box);
  if (shared_keys) {
    search.queries = search.targets.first(static_cast<std::size_t>(search.target_count));
  } else {
    make_queries(execution, sides.coarse, geometry, reach, box, layout, search, query_rows);
  }

  const auto offsets = static_cast<int>(geometry.offsets.size());
  const bool mirrored = sides.same_set && geometry.symmetric && config.symmetric;
  for (int k = 0; k < offsets; ++k) {
    AxisOffset step = geometry.offsets[static_cast<std::size_t>(k)];
    for (std::size_t axis = 0; axis < kMaxDims && !shared_keys; ++axis)
      step[axis] -= reach.lower[axis];
    search.steps.push_back(layout.difference<Key>(step));
    if (sides.same_set && k == geometry.identity_offset) continue;
    if (mirrored && k < offsets / 2) continue;
    search.searched.push_back(k);
  }
  search.rows = {search.queries.size() < static_cast<std::size_t>(sides.coarse.rows)
                     ? query_rows.data()
                     : rows_of(sides.coarse.order),
                 rows_of(sides.fine.order)};
  search.pieces.resize(search.searched.size());
  search.matches =
      Borrowed(static_cast<std::int64_t>(search.searched.size() * search.queries.size() + 1) * 8);
  if (config.builder == MapBuilder::column_walk) {
    column_walk(execution, config, search);
  } else {
    double_traversal(execution, config, search);
  }
  list_pairs(execution, geometry, sides, mirrored, search, map);
}

}  // namespace

std::shared_ptr<const MapData> build_map(const Execution& execution, const Geometry& geometry,
                                         const CoordinateData& input, const CoordinateData& output,
                                         const MapConfig& config) {
  Sides sides{geometry.output_is_fine ? input : output, geometry.output_is_fine ? output : input,
              &input == &output};
  auto map = std::make_shared<MapData>();
  map->execution = execution;
  map->offsets = static_cast<int>(geometry.offsets.size());
  map->in_rows = input.rows;
  map->out_rows = output.rows;
  map->in_order = input.order;
  map->in_rank = input.rank;
  map->out_order = output.order;
  map->out_rank = output.rank;
  if (sides.same_set && input.rows > 0) map->identity_offset = geometry.identity_offset;

  const Reach reach = reach_of(geometry);
  Box box = guarded_box(sides.fine.box, reach, geometry.dims);
  sides.fine_keys = sides.fine.keys != nullptr && sides.fine.key_box.contains(box);
  if (sides.fine_keys) box = sides.fine.key_box;
  const KeyLayout layout = KeyLayout::of(box, geometry.dims);
  dispatch_key(layout.bits, [&]<class Key>() {
    search_and_list<Key>(execution, geometry, sides, config, layout, box, reach, *map);
  });
  const bool once = map->pairs == sides.fine.rows && pairs_fine_once(geometry);
  (geometry.output_is_fine ? map->out_once : map->in_once) = once;
  return map;
}

Tensor map_table(const Execution& execution, const PairView& pairs) {
  Tensor table(DType::int32, {pairs.offsets, pairs.out_rows});
  std::int32_t* values = table.span<std::int32_t>().data();
  const auto begin = pairs.begin.span<std::int64_t>();
  const auto in = pairs.in.span<std::int32_t>();
  const auto out = pairs.out.span<std::int32_t>();
  parallel_for(execution, pairs.offsets, [&](std::int64_t offset, int) {
    std::int32_t* row = values + offset * pairs.out_rows;
    std::fill(row, row + pairs.out_rows, -1);
    for (std::int64_t i = begin[static_cast<std::size_t>(offset)];
         i < begin[static_cast<std::size_t>(offset) + 1]; ++i) {
      row[out[static_cast<std::size_t>(i)]] = in[static_cast<std::size_t>(i)];
    }
  });
  return table;
}

Tensor map_masks(const Execution& execution, const PairView& pairs) {
  const std::int64_t bytes = (pairs.offsets + 7) / 8;
  Tensor masks = Tensor::zeros(DType::uint8, {pairs.out_rows, bytes});
  std::uint8_t* values = masks.span<std::uint8_t>().data();
  const auto begin = pairs.begin.span<std::int64_t>();
  const auto out = pairs.out.span<std::int32_t>();
  // A task owns a byte of every row: eight offsets.
  parallel_for(execution, bytes, [&](std::int64_t byte, int) {
    for (std::int64_t k = byte * 8; k < std::min<std::int64_t>(pairs.offsets, byte * 8 + 8); ++k) {
      for (std::int64_t i = begin[static_cast<std::size_t>(k)];
           i < begin[static_cast<std::size_t>(k) + 1]; ++i) {
        values[out[static_cast<std::size_t>(i)] * bytes + byte] |=
            static_cast<std::uint8_t>(1U << (k % 8));
      }
    }
  });
  return masks;
}

}  // namespace gavotte::internal::cpu
