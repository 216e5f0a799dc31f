#include "cuda/map_forms.h"

#include <algorithm>

#include "cuda/launch.h"
#include "cuda/map_forms.cuh"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarpThreads;
constexpr int kCountThreads = 512;

}  // namespace

RowFlags::RowFlags(const Execution& execution, const SearchedOffsets& offsets, RowCount count)
    : searched(offsets),
      rows(count),
      groups(blocks_for(count.bound, kWarpThreads)),
      words(execution, offsets.slots() * groups),
      before(execution, offsets.slots() * groups),
      totals(execution, offsets.offsets) {}

void arrange_table(const Execution& execution, const std::int32_t* by_row, std::int32_t* table,
                   RowFlags& flags) {
  const int offsets = flags.searched.offsets;
  launch("arrange_table", execution.stream.handle,
         {.blocks = flags.groups,
          .blocks_y = blocks_for(offsets, kArrangeOffsets),
          .threads = kThreads,
          .shared_bytes = sizeof(ArrangeTableShared),
          .blocks_by = {.of = Extent::rows_written, .per_block = kWarpThreads}},
         arrange_table_kernel,
         {by_row, table, flags.rows, offsets, flags.words.get(), flags.groups});
}

void flag_rows(const Execution& execution, const std::int32_t* table, RowFlags& flags) {
  launch("flag_rows", execution.stream.handle,
         {.blocks = grid_for(flags.groups, kWarps),
          .blocks_y = flags.searched.offsets,
          .threads = kThreads},
         flag_rows_kernel,
         {table, flags.rows, flags.words.get(), flags.groups, flags.searched.offsets});
}

void count_rows(const Execution& execution, RowFlags& flags) {
  const GridRule threads = {.of = Extent::rows_written,
                            .per_block = kWarpThreads * kCountGroups * kWarpThreads,
                            .tiles = kWarpThreads,
                            .least = kWarpThreads,
                            .most = kCountThreads};
  launch("count_rows", execution.stream.handle,
         {.blocks = flags.searched.slots(),
          .threads = static_cast<int>(threads.count(flags.rows.bound)),
          .shared_bytes = sizeof(CountRowsShared),
          .blocks_by = kFixedGrid,
          .threads_by = threads},
         count_rows_kernel,
         {flags.searched, flags.rows, flags.words.get(), flags.groups, flags.before.get(),
          flags.totals.get()});
}

void compact_pairs(const Execution& execution, const std::int32_t* table, const RowFlags& flags,
                   const CsrLists& lists) {
  // At least one block, which writes the begins.
  const GridRule rule = {
      .of = Extent::rows_written, .per_block = kWarpThreads * kWarps, .least = 1};
  launch("compact_pairs", execution.stream.handle,
         {.blocks = rule.count(flags.rows.bound),
          .threads = kThreads,
          .shared_bytes =
              (flags.searched.offsets + 1) * static_cast<std::int64_t>(sizeof(std::int64_t)),
          .blocks_by = rule},
         compact_pairs_kernel,
         {flags.searched, flags.rows, table, flags.words.get(), flags.before.get(), flags.groups,
          flags.totals.get(), lists.begin, lists.rows, lists.entries});
}

Tensor scatter_pairs(const Execution& execution, const PairView& pairs) {
  Tensor table =
      make_tensor(execution, DType::int32, Shape{std::int64_t{pairs.offsets}, pairs.out_rows});
  fill_bytes(execution.stream.handle, table.data(), 0xff, table.view().bytes());
  launch("scatter_pairs", execution.stream.handle,
         {.blocks = grid_for(pairs.out_rows, 4 * kThreads),  // a list is seldom longer than that
          .blocks_y = pairs.offsets,
          .threads = kThreads},
         scatter_pairs_kernel,
         {static_cast<const std::int64_t*>(pairs.begin.data),
          static_cast<const std::int32_t*>(pairs.in.data),
          static_cast<const std::int32_t*>(pairs.out.data),
          static_cast<std::int32_t*>(table.data()), pairs.out_rows, pairs.offsets});
  return table;
}

Tensor swap_sides(const Execution& execution, ConstTensorView table, std::int64_t in_rows) {
  const std::int64_t offsets = table.shape[0], rows = table.shape[1];
  Tensor swapped = make_tensor(execution, DType::int32, Shape{offsets, in_rows});
  fill_bytes(execution.stream.handle, swapped.data(), 0xff, swapped.view().bytes());
  launch("swap_sides", execution.stream.handle,
         {.blocks = grid_for(rows, kThreads), .blocks_y = offsets, .threads = kThreads},
         swap_sides_kernel,
         {static_cast<const std::int32_t*>(table.data), static_cast<std::int32_t*>(swapped.data()),
          rows, in_rows, offsets});
  return swapped;
}

Tensor mask_rows(const Execution& execution, ConstTensorView table) {
  const std::int64_t offsets = table.shape[0], rows = table.shape[1];
  Tensor masks = make_tensor(execution, DType::uint8, Shape{rows, (offsets + 7) / 8});
  launch("mask_rows", execution.stream.handle, shape_of_items(rows), mask_rows_kernel,
         {static_cast<const std::int32_t*>(table.data), rows, static_cast<int>(offsets),
          static_cast<std::uint8_t*>(masks.data())});
  return masks;
}

}  // namespace gavotte::internal::cuda
