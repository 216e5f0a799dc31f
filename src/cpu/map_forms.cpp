#include "map_forms.h"

#include <algorithm>
#include <numeric>

#include "parallel.h"
#include "scratch.h"
#include "simd/compact_column.h"

namespace gavotte::internal::cpu {

namespace {

/// Puts the pairs of one offset in the order of their rows: a column of the dense table, whose
/// entries are then read in turn.
class RowColumn {
 public:
  std::int32_t* of(std::int64_t rows) {  ///< Entries are -1: the row has no pair.
    if (rows != rows_) {
      memory_ = Scratch(rows * static_cast<std::int64_t>(sizeof(std::int32_t)));
      rows_ = rows;
      std::fill_n(memory_.as<std::int32_t>(), rows, -1);
    }
    return memory_.as<std::int32_t>();
  }
  /// Writes the `count` rows that have a pair, and their entries; clears the column.
  void take(std::int64_t count, std::int32_t* rows, std::int32_t* entries) {
    cpu::compact_column(memory_.as<std::int32_t>(), count, rows, entries);
  }

 private:
  Scratch memory_;
  std::int64_t rows_ = -1;
};

/// Rows of `count` positions; null `rows`: the positions themselves.
void copy_rows(const std::int32_t* positions, std::int64_t count, const std::int32_t* rows,
               std::int32_t* to) {
  if (rows == nullptr) {
    std::copy(positions, positions + count, to);
  } else {
    std::transform(positions, positions + count, to, [rows](std::int32_t at) { return rows[at]; });
  }
}

}  // namespace

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
    if (plan.rows.target != nullptr) {
      std::copy_n(plan.rows.target, plan.identity_rows, in + first);
    } else {
      std::iota(in + first, in + first + plan.identity_rows, 0);
    }
    std::copy_n(in + first, plan.identity_rows, out + first);
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
                   copy_rows(copy.run.queries, copy.run.count, plan.rows.query, queries);
                   copy_rows(copy.run.targets, copy.run.count, plan.rows.target, targets);
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
  std::vector<RowColumn> columns(static_cast<std::size_t>(thread_count(execution)));
  parallel_for(execution, static_cast<std::int64_t>(begin.size()) - 1,
               [&](std::int64_t offset, int worker) {
                 RowColumn& column = columns[static_cast<std::size_t>(worker)];
                 const std::int64_t first = begin[static_cast<std::size_t>(offset)];
                 const std::int64_t last = begin[static_cast<std::size_t>(offset) + 1];
                 std::int32_t* partner = column.of(rows);
                 for (std::int64_t i = first; i < last; ++i) partner[key[i]] = other[i];
                 column.take(last - first, sorted_key + first, sorted_other + first);
               });
  return sorted;
}

}  // namespace gavotte::internal::cpu
