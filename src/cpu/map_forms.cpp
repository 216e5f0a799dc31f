#include "map_forms.h"

#include <algorithm>
#include <array>
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

/// Where the pairs go that are put in the order of output rows, and a worker's columns for it.
struct SortedLists {
  const std::int64_t* begin;
  std::int32_t* in;
  std::int32_t* out;

  void take(std::size_t offset, RowColumn& column) const {
    const std::int64_t first = begin[offset];
    column.take(begin[offset + 1] - first, out + first, in + first);
  }
};

/// The pairs of one offset by output row.
void write_sorted(const ListsPlan& plan, std::size_t offset, RowColumn& column,
                  const SortedLists& lists) {
  std::int32_t* partner = column.of(plan.sorted_rows);
  const bool query_is_input = plan.query_is_input[offset] != 0;
  const std::int32_t* out_rows = query_is_input ? plan.rows.target : plan.rows.query;
  const std::int32_t* in_rows = query_is_input ? plan.rows.query : plan.rows.target;
  for (const MatchRun& run : plan.runs[offset]) {
    const std::int32_t* out_positions = query_is_input ? run.targets : run.queries;
    const std::int32_t* in_positions = query_is_input ? run.queries : run.targets;
    for (std::int64_t i = 0; i < run.count; ++i) {
      const std::int32_t row = out_rows != nullptr ? out_rows[out_positions[i]] : out_positions[i];
      partner[row] = in_rows != nullptr ? in_rows[in_positions[i]] : in_positions[i];
    }
  }
  lists.take(offset, column);
}

/// The same for an offset and its mirror at once: matches and rows are read once. One set in an
/// order of its own on both sides, so positions have rows.
void write_mirrored(const ListsPlan& plan, std::size_t offset, std::array<RowColumn, 2>& columns,
                    const SortedLists& lists) {
  const bool query_is_input = plan.query_is_input[offset] != 0;
  std::int32_t* of_query = columns[query_is_input ? 1 : 0].of(plan.sorted_rows);
  std::int32_t* of_target = columns[query_is_input ? 0 : 1].of(plan.sorted_rows);
  for (const MatchRun& run : plan.runs[offset]) {
    for (std::int64_t i = 0; i < run.count; ++i) {
      const std::int32_t query = plan.rows.query[run.queries[i]];
      const std::int32_t target = plan.rows.target[run.targets[i]];
      of_query[query] = target;
      of_target[target] = query;
    }
  }
  lists.take(offset, columns[0]);
  lists.take(static_cast<std::size_t>(plan.mirror[offset]), columns[1]);
}

/// Fills the lists of all offsets but the identity.
void write_all_sorted(const Execution& execution, const ListsPlan& plan, const SortedLists& lists) {
  std::vector<std::size_t> firsts;  // offsets that are the mirror of none
  for (std::size_t k = 0; k < plan.runs.size(); ++k) {
    const bool second =
        std::find(plan.mirror.begin(), plan.mirror.end(), static_cast<int>(k)) != plan.mirror.end();
    if (!second && static_cast<int>(k) != plan.identity_offset) firsts.push_back(k);
  }
  std::vector<std::array<RowColumn, 2>> columns(static_cast<std::size_t>(thread_count(execution)));
  parallel_for(execution, static_cast<std::int64_t>(firsts.size()),
               [&](std::int64_t task, int worker) {
                 const std::size_t k = firsts[static_cast<std::size_t>(task)];
                 auto& of_worker = columns[static_cast<std::size_t>(worker)];
                 if (plan.mirror[k] >= 0) {
                   write_mirrored(plan, k, of_worker, lists);
                 } else {
                   write_sorted(plan, k, of_worker[0], lists);
                 }
               });
}

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
      if (run.count > 0 && plan.sorted_rows == 0) copies.push_back({k, run, total});
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
  if (plan.sorted_rows > 0) {
    write_all_sorted(execution, plan, {begin.data(), in, out});
    return lists;
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
