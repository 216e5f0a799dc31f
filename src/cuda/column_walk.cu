// Columns of a kernel's offsets, and the launch that walks them.
#include "cuda/column_walk.cuh"

#include <algorithm>

#include "cuda/kernel_name.h"
#include "cuda/launch.h"

namespace gavotte::internal::cuda {
namespace {

/// What a block may use on every device without an opt-in, and with several blocks at a time.
constexpr std::int64_t kSharedBytes = 48 << 10;

/// Fills `columns` with the offsets from `first` on; returns the first one that did not fit.
template <class Key>
std::size_t take_columns(const MapSearch<Key>& search, std::size_t first,
                         SearchColumns<Key>& columns) {
  const auto same_column = [&](const AxisOffset& a, const AxisOffset& b) {
    return std::equal(a.begin(), a.begin() + search.dims - 1, b.begin());
  };
  const std::size_t last =
      std::min(search.offsets.size(), first + static_cast<std::size_t>(kLaunchOffsets));
  for (std::size_t s = first; s < last; ++s) {
    const auto member = s - first;
    if (s == first || !same_column(search.differences[s - 1], search.differences[s]))
      columns.begin[columns.count++] = static_cast<std::int16_t>(member);
    columns.offset[member] = static_cast<std::int16_t>(search.offsets[s]);
    columns.step[member] = search.steps[s];
  }
  columns.begin[columns.count] = static_cast<std::int16_t>(last - first);
  return last;
}

}  // namespace

template <class Key>
void column_walk(const Execution& execution, const MapConfig& config,
                 const MapSearch<Key>& search) {
  for (std::size_t first = 0; first < search.offsets.size();) {
    WalkColumnsArgs<Key> args{search.queries,
                              search.targets,
                              search.query_count,
                              search.target_count,
                              search.sink,
                              {},
                              0,
                              0};
    first = take_columns(search, first, args.columns);
    const auto most_keys = (kSharedBytes - static_cast<std::int64_t>(sizeof(WalkColumnsShared))) /
                           static_cast<std::int64_t>(sizeof(Key));
    // query_tile counts (query, column); a tile of more than shared memory holds gains nothing.
    const std::int64_t rows = std::min<std::int64_t>(config.query_tile / args.columns.count,
                                                     most_keys / args.columns.count);
    args.tile =
        static_cast<int>(std::max<std::int64_t>(1, blocks_for(rows, kWarpThreads)) * kWarpThreads);
    // Half as much again for columns that are denser than the tile.
    args.capacity = static_cast<int>(
        std::min<std::int64_t>(most_keys, std::int64_t{args.columns.count} * args.tile * 3 / 2));
    const std::int64_t shared_bytes = static_cast<std::int64_t>(sizeof(WalkColumnsShared)) +
                                      args.capacity * static_cast<std::int64_t>(sizeof(Key));
    const GridRule rule = {.of = Extent::rows_written, .per_block = args.tile};
    launch(kernel_name<"walk_columns", 0, Key>(), execution.stream.handle,
           {.blocks = rule.count(search.query_count.bound),
            .threads = config.threads,
            .shared_bytes = shared_bytes,
            .blocks_by = rule},
           walk_columns_kernel<Key>, args);
  }
}

template void column_walk(const Execution&, const MapConfig&, const MapSearch<Key32>&);
template void column_walk(const Execution&, const MapConfig&, const MapSearch<Key64>&);
template void column_walk(const Execution&, const MapConfig&, const MapSearch<Key128>&);
template void column_walk(const Execution&, const MapConfig&, const MapSearch<Key192>&);

}  // namespace gavotte::internal::cuda
