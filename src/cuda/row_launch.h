// What launchers of row kernels ask: may values be taken in packs, and how large is the grid.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <utility>

#include "cuda/device/pack.h"
#include "cuda/device/row_lanes.h"
#include "cuda/launch.h"

namespace gavotte::internal::cuda {

/// True where each pointer (null counts) is a multiple of `bytes`.
inline bool are_aligned(std::initializer_list<const void*> pointers,
                        std::uintptr_t bytes = kPackBytes) {
  return std::all_of(pointers.begin(), pointers.end(), [bytes](const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
  });
}

/// Calls body.operator()<Wide>() where `wide`, else body.operator()<1>().
template <int Wide, class Body>
void with_width(bool wide, Body&& body) {
  if (wide)
    std::forward<Body>(body).template operator()<Wide>();
  else
    std::forward<Body>(body).template operator()<1>();
}

/// Calls body.operator()<N>() with the widest packs of T that channels and addresses allow.
template <class T, class Body>
void with_packs(std::int64_t channels, std::initializer_list<const void*> pointers, Body&& body) {
  constexpr int kWide = kPackBytes / sizeof(T);
  with_width<kWide>(channels % kWide == 0 && are_aligned(pointers), std::forward<Body>(body));
}

/// Blocks that cover `count` once, below a grid's bound: kernels go on in strides of the grid.
inline std::int64_t grid_for(std::int64_t count, std::int64_t per_block) {
  return std::min<std::int64_t>(blocks_for(count, per_block),
                                std::numeric_limits<std::int32_t>::max());
}

/// For for_each_row_item(); no blocks where there is nothing to do.
/// of: what `rows` are.
inline LaunchShape shape_of_rows(RowLanes lanes, std::int64_t rows, std::int64_t items,
                                 Extent of = Extent::rows_written) {
  const GridRule rule = {.of = of, .per_block = lanes.rows_per_block()};
  return {.blocks = items > 0 ? rule.count(rows) : 0, .threads = kRowThreads, .blocks_by = rule};
}

/// For loops from grid_thread() in steps of grid_threads(). The rule's blocks are of items.
inline LaunchShape shape_of_items(std::int64_t n, GridRule rule) {
  rule.per_block *= kRowThreads;
  return {.blocks = rule.count(n), .threads = kRowThreads, .blocks_by = rule};
}
inline LaunchShape shape_of_items(std::int64_t items) { return shape_of_items(items, GridRule{}); }

}  // namespace gavotte::internal::cuda
