// Kernel map by Minuet's double traversal (EuroSys'24, section 5.1). The sorted targets are cut
// into blocks. Backward: for each block and offset the border among the sorted queries by binary
// search. Forward: the block is staged in fast memory and each query between its borders is
// searched there.
#include <algorithm>
#include <vector>

#include "map_search.h"
#include "parallel.h"

namespace gavotte::internal::cpu {

namespace {

/// First query whose key plus `step` is not below `key`.
template <class Key>
std::int64_t border(std::span<const Key> queries, const Key& step, const Key& key) {
  const auto first = std::partition_point(queries.begin(), queries.end(),
                                          [&](const Key& query) { return query + step < key; });
  return first - queries.begin();
}

/// Queries [begin, end) of one offset, all within the range of one block.
struct WorkItem {
  std::size_t searched = 0;
  std::int64_t block = 0;
  std::int64_t begin = 0, end = 0;
  MapPiece* piece = nullptr;
};

}  // namespace

template <class Key>
void double_traversal(const Execution& execution, const MapConfig& config, MapSearch<Key>& search) {
  const std::int64_t block_size = config.block_size;
  const std::int64_t blocks = (search.target_count + block_size - 1) / block_size;
  const std::size_t offsets = search.searched.size();
  const Key* targets = search.targets.data();
  const auto queries = static_cast<std::int64_t>(search.queries.size());

  // Backward: borders[b][s] is the first query of offset s that belongs to block b or a later one.
  std::vector<std::int64_t> borders(static_cast<std::size_t>(blocks + 1) * offsets, queries);
  parallel_for(execution, blocks, [&](std::int64_t block, int) {
    for (std::size_t s = 0; s < offsets; ++s) {
      const Key step = search.steps[static_cast<std::size_t>(search.searched[s])];
      borders[static_cast<std::size_t>(block) * offsets + s] =
          border(search.queries, step, targets[block * block_size]);
    }
  });

  // Work items of at most query_tile queries; a task takes items of one block until it has that
  // many.
  std::vector<WorkItem> items;
  std::vector<std::size_t> task_begin;
  for (std::int64_t block = 0; block < blocks; ++block) {
    std::int64_t in_task = config.query_tile;
    bool new_block = true;
    for (std::size_t s = 0; s < offsets; ++s) {
      const std::int64_t end = borders[static_cast<std::size_t>(block + 1) * offsets + s];
      for (std::int64_t begin = borders[static_cast<std::size_t>(block) * offsets + s]; begin < end;
           begin += config.query_tile) {
        const std::int64_t tile_end = std::min<std::int64_t>(end, begin + config.query_tile);
        if (new_block || in_task + tile_end - begin > config.query_tile) {
          task_begin.push_back(items.size());
          in_task = 0;
          new_block = false;
        }
        in_task += tile_end - begin;
        items.push_back({s, block, begin, tile_end, nullptr});
        search.pieces[s].push_back({begin, 0});
      }
    }
  }
  task_begin.push_back(items.size());
  std::vector<std::size_t> next_piece(offsets);
  for (WorkItem& item : items)
    item.piece = &search.pieces[item.searched][next_piece[item.searched]++];

  // Forward: stage the block, search each query in it.
  parallel_for(
      execution, static_cast<std::int64_t>(task_begin.size()) - 1, [&](std::int64_t task, int) {
        const std::size_t first = task_begin[static_cast<std::size_t>(task)];
        const std::int64_t target_begin = items[first].block * block_size;
        const std::vector<Key> staged(
            targets + target_begin,
            targets + std::min(search.target_count, target_begin + block_size));
        for (std::size_t i = first; i < task_begin[static_cast<std::size_t>(task) + 1]; ++i) {
          const WorkItem& item = items[i];
          const Key step = search.steps[static_cast<std::size_t>(search.searched[item.searched])];
          MatchList found{search.match_queries(item.searched) + item.begin,
                          search.match_targets(item.searched) + item.begin};
          for (std::int64_t q = item.begin; q < item.end; ++q) {
            const Key wanted = search.queries[static_cast<std::size_t>(q)] + step;
            const auto key = std::lower_bound(staged.begin(), staged.end(), wanted);
            if (key != staged.end() && *key == wanted)
              found.add(
                  PositionRows::at(search.rows.queries, q),
                  PositionRows::at(search.rows.targets, target_begin + (key - staged.begin())));
          }
          item.piece->count = found.count;
        }
      });
}

template void double_traversal(const Execution&, const MapConfig&, MapSearch<Key32>&);
template void double_traversal(const Execution&, const MapConfig&, MapSearch<Key64>&);
template void double_traversal(const Execution&, const MapConfig&, MapSearch<Key128>&);
template void double_traversal(const Execution&, const MapConfig&, MapSearch<Key192>&);

}  // namespace gavotte::internal::cpu
