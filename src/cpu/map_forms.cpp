#include "map_forms.h"

#include <algorithm>
#include <numeric>

#include "parallel.h"

namespace gavotte::internal::cpu {

PairLists make_lists(const Execution& execution, const ListsPlan& plan) {
  struct Copy {
    std::size_t offset;
    MatchRun run;
    std::int64_t to;
  };
  const std::size_t offsets = plan.runs.size();
  PairLists lists;
  lists.begin = Tensor(DType::int64, {static_cast<std::int64_t>(offsets) + 1});
  const auto begin = lists.begin.span<std::int64_t>();
  std::vector<Copy> copies;
  std::int64_t total = 0;
  for (std::size_t k = 0; k < offsets; ++k) {
    begin[k] = total;
    if (static_cast<int>(k) == plan.identity_offset) total += plan.identity_rows;
    for (const MatchRun& run : plan.runs[k]) {
      if (run.count > 0) copies.push_back({k, run, total});
      total += run.count;
    }
  }
  begin[offsets] = total;
  lists.in = Tensor(DType::int32, {total});
  lists.out = Tensor(DType::int32, {total});
  std::int32_t* in = lists.in.span<std::int32_t>().data();
  std::int32_t* out = lists.out.span<std::int32_t>().data();

  if (plan.identity_offset >= 0) {
    const std::int64_t first = begin[static_cast<std::size_t>(plan.identity_offset)];
    std::iota(in + first, in + first + plan.identity_rows, 0);
    std::iota(out + first, out + first + plan.identity_rows, 0);
  }
  constexpr std::int64_t kCopiesPerTask = 16;
  const auto count = static_cast<std::int64_t>(copies.size());
  parallel_for(execution, (count + kCopiesPerTask - 1) / kCopiesPerTask,
               [&](std::int64_t task, int) {
                 for (std::int64_t c = task * kCopiesPerTask;
                      c < std::min(count, (task + 1) * kCopiesPerTask); ++c) {
                   const Copy& copy = copies[static_cast<std::size_t>(c)];
                   const bool query_is_input = plan.query_is_input[copy.offset] != 0;
                   std::int32_t* queries = (query_is_input ? in : out) + copy.to;
                   std::int32_t* targets = (query_is_input ? out : in) + copy.to;
                   for (std::int64_t i = 0; i < copy.run.count; ++i) {
                     queries[i] = static_cast<std::int32_t>(copy.run.matches[i] & 0xffffffffU);
                     targets[i] = static_cast<std::int32_t>(copy.run.matches[i] >> 32);
                   }
                   if (plan.rows.query != nullptr) {
                     for (std::int64_t i = 0; i < copy.run.count; ++i)
                       queries[i] = plan.rows.query[queries[i]];
                   }
                   if (plan.rows.target != nullptr) {
                     for (std::int64_t i = 0; i < copy.run.count; ++i)
                       targets[i] = plan.rows.target[targets[i]];
                   }
                 }
               });
  return lists;
}

PairLists sort_lists(const Execution& execution, const PairLists& lists, bool by_input,
                     std::int64_t rows) {
  PairLists sorted;
  sorted.begin = lists.begin;
  sorted.in = Tensor(DType::int32, lists.in.shape());
  sorted.out = Tensor(DType::int32, lists.out.shape());
  const auto begin = lists.begin.span<std::int64_t>();
  const std::int32_t* key = (by_input ? lists.in : lists.out).span<std::int32_t>().data();
  const std::int32_t* other = (by_input ? lists.out : lists.in).span<std::int32_t>().data();
  std::int32_t* sorted_key = (by_input ? sorted.in : sorted.out).span<std::int32_t>().data();
  std::int32_t* sorted_other = (by_input ? sorted.out : sorted.in).span<std::int32_t>().data();
  std::vector<std::vector<std::int32_t>> partner(static_cast<std::size_t>(thread_count(execution)));
  parallel_for(execution, static_cast<std::int64_t>(begin.size()) - 1,
               [&](std::int64_t offset, int worker) {
                 // A column of the dense table, then its rows in turn.
                 std::vector<std::int32_t>& column = partner[static_cast<std::size_t>(worker)];
                 column.assign(static_cast<std::size_t>(rows), -1);
                 const std::int64_t first = begin[static_cast<std::size_t>(offset)];
                 const std::int64_t last = begin[static_cast<std::size_t>(offset) + 1];
                 for (std::int64_t i = first; i < last; ++i)
                   column[static_cast<std::size_t>(key[i])] = other[i];
                 // Without a branch on the row: half of them have no partner, in no order that a
                 // predictor learns.
                 std::int64_t next = first;
                 for (std::int64_t row = 0; next < last; ++row) {
                   const std::int32_t found = column[static_cast<std::size_t>(row)];
                   sorted_key[next] = static_cast<std::int32_t>(row);
                   sorted_other[next] = found;
                   next += found >= 0;
                 }
               });
  return sorted;
}

}  // namespace gavotte::internal::cpu
