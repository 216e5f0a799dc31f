#include "cuda/partial_rows.h"

#include "cuda/partial_rows.cuh"
#include "cuda/primitives.h"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {

PartialRowsOfMap::PartialRowsOfMap(const Execution& execution, const KernelMap& map) {
  const std::int64_t rows = map.out_rows(), pairs = map.pairs();
  const std::int32_t offsets = map.offsets(), words = (offsets + 31) / 32;
  begin_ = Scratch<std::int64_t>(execution, rows + 1);
  masks_ = Scratch<std::uint32_t>(execution, rows * words);
  view_ = {begin_.get(), masks_.get(), words};

  const StreamHandle stream = execution.stream.handle;
  fill_bytes(stream, masks_.get(), 0, rows * words * std::int64_t{sizeof(std::uint32_t)});
  const auto* pair_begin = static_cast<const std::int64_t*>(map.pair_begin().data);
  launch("mark_offsets", stream, shape_of_items(pairs, {.of = Extent::pairs}), mark_offsets_kernel,
         {pair_begin, static_cast<const std::int32_t*>(map.pair_out().data), offsets, words,
          RowCount{pairs, pair_begin + offsets}, masks_.get()});
  launch("count_offsets", stream, shape_of_items(rows, {.of = Extent::rows_written, .plus = 1}),
         count_offsets_kernel, {masks_.get(), words, rows, begin_.get()});
  exclusive_scan(execution, begin_.get(), begin_.get(), rows + 1);
}

}  // namespace gavotte::internal::cuda
