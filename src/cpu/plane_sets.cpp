// Coarse and expanded sets from the key order of the set that they come from. A plane of the new set is the coordinates
// that share batch and first axis; the rows that lead to it are a few stretches of that order. On a plane coordinates
// are numbers below a small bound, which a bit set sorts and makes unique (ordered_bits.h): 6 to 8 times as fast as
// listing and sorting them with kernel and stride 2, 4 to 6 times with kernel 3 (EPYC, one thread, 2026-11).
#include "plane_sets.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "coordinates.h"
#include "loan.h"
#include "ordered_bits.h"
#include "parallel.h"
#include "plane_axis.h"
#include "row_blocks.h"

namespace gavotte::internal::cpu {

namespace {

constexpr std::int64_t kPrefetchRows = 16;  // coordinates on their way where rows are in no order
constexpr int kMaxPlaneBits = 30;
// Words of empty bits that may be read for each row, and for any set: a sort costs more.
constexpr std::int64_t kWordsOfARow = 4, kWordsOfASet = 1024;

/// Rows in key order; kColumns, batch and axes, is known to the compiler for its loops.
template <std::size_t kColumns>
class KeyOrder {
 public:
  explicit KeyOrder(const CoordinateData& set)
      : lattice_(set.lattice.span<std::int32_t>().data()),
        order_(set.order ? set.order.span<std::int32_t>().data() : nullptr) {}
  const std::int32_t* operator[](std::int64_t position) const {
    const std::int64_t row = order_ != nullptr ? order_[position] : position;
    return lattice_ + row * static_cast<std::int64_t>(kColumns);
  }
  void prefetch(std::int64_t position, std::int64_t end) const {
    if (order_ != nullptr && position + kPrefetchRows < end)
      __builtin_prefetch((*this)[position + kPrefetchRows]);
  }

 private:
  const std::int32_t* lattice_;
  const std::int32_t* order_;  ///< Null: rows are in key order.
};

/// Positions [begin, end) lead to the plane of this batch and this place on the first axis.
struct Stretch {
  std::int32_t batch;
  std::uint64_t place;
  std::int64_t begin, end;

  auto plane() const { return std::tie(batch, place); }
  std::int64_t rows() const { return end - begin; }
};

/// Stretches of one plane, which follow each other.
struct Plane {
  std::size_t begin, end;
  std::int64_t coordinates = 0;  ///< That it has.
};

/// Planes of a task, and the first of its numbers.
struct Task {
  std::size_t begin, end;
  std::int64_t rows = 0, first_number = 0;
};

template <std::size_t kColumns>
class PlaneSets {
 public:
  PlaneSets(const Execution& execution, const CoordinateData& set,
            std::span<const AxisCandidates> candidates)
      : execution_(execution), rows_(set.rows), row_(set) {
    for (std::size_t c = 1; c < kColumns; ++c)
      axes_[c] = PlaneAxis(candidates[c - 1], set.box.lower[c], set.box.upper[c]);
    for (std::size_t c = kColumns - 1; c >= 2; --c) {
      first_bit_[c] = plane_bits_;
      plane_bits_ += axes_[c].bits();
      most_numbers_ *= axes_[c].most();
    }
  }

  /// Whether planes serve. Finds them.
  bool find_planes() {
    for (std::size_t c = 1; c < kColumns; ++c)
      if (!axes_[c].usable()) return false;
    if (plane_bits_ > kMaxPlaneBits ||
        rows_ * axes_[1].most() * most_numbers_ > std::numeric_limits<std::int32_t>::max())
      return false;
    find_stretches();
    for (std::size_t i = 0; i < stretches_.size(); ++i) {
      if (i == 0 || stretches_[i].plane() != stretches_[i - 1].plane()) planes_.push_back({i, i});
      planes_.back().end = i + 1;
    }
    const std::int64_t size = std::int64_t{1} << plane_bits_;
    return static_cast<std::int64_t>(planes_.size()) * OrderedBits::empty_words(size) + size / 64 <=
           kWordsOfARow * rows_ + kWordsOfASet;
  }

  Tensor make() {
    std::vector<Task> tasks = cut_tasks();
    std::int64_t most = 0;
    for (Task& task : tasks) {
      task.first_number = most;
      most += task.rows * most_numbers_ + OrderedBits::kSlack;
    }
    const Borrowed memory(most * static_cast<std::int64_t>(sizeof(std::uint32_t)));
    auto* const numbers = memory.as<std::uint32_t>();
    std::vector<OrderedBits> bits(static_cast<std::size_t>(thread_count(execution_)));
    std::vector<std::int64_t> first_row(tasks.size() + 1);
    parallel_for(execution_, static_cast<std::int64_t>(tasks.size()),
                 [&](std::int64_t t, int worker) {
                   OrderedBits& own = bits[static_cast<std::size_t>(worker)];
                   if (!own) own = OrderedBits(std::int64_t{1} << plane_bits_);
                   const Task& task = tasks[static_cast<std::size_t>(t)];
                   first_row[static_cast<std::size_t>(t) + 1] =
                       list_numbers(task, own, numbers + task.first_number);
                 });
    std::partial_sum(first_row.begin(), first_row.end(), first_row.begin());
    Tensor lattice(DType::int32, {first_row.back(), static_cast<std::int64_t>(kColumns)});
    std::int32_t* const out = lattice.span<std::int32_t>().data();
    parallel_for(execution_, static_cast<std::int64_t>(tasks.size()), [&](std::int64_t t, int) {
      const Task& task = tasks[static_cast<std::size_t>(t)];
      write_rows(
          task, numbers + task.first_number,
          out + first_row[static_cast<std::size_t>(t)] * static_cast<std::int64_t>(kColumns));
    });
    return lattice;
  }

 private:
  static std::uint64_t batch_and_first(const std::int32_t* row) {
    return std::bit_cast<std::uint64_t>(std::array<std::int32_t, 2>{row[0], row[1]});
  }

  void find_stretches() {
    std::vector<std::vector<std::int64_t>> begins(static_cast<std::size_t>(blocks_of(rows_)));
    for_row_blocks(execution_, rows_, [&](const RowBlock& block) {
      std::uint64_t before = block.begin > 0 ? batch_and_first(row_[block.begin - 1]) : 0;
      for (std::int64_t i = block.begin; i < block.end; ++i) {
        row_.prefetch(i, rows_);
        const std::uint64_t here = batch_and_first(row_[i]);
        if (here != before || i == 0) begins[block.index].push_back(i);
        before = here;
      }
    });
    std::int64_t begin = 0;
    const auto add = [&](std::int64_t end) {
      const std::size_t first = stretches_.size();
      axes_[1].each(row_[begin][1], [&](std::uint64_t place) {
        if (stretches_.size() == first || stretches_.back().place != place)
          stretches_.push_back({row_[begin][0], place, begin, end});
      });
      begin = end;
    };
    for (const std::vector<std::int64_t>& block : begins)
      for (const std::int64_t next : block)
        if (next > 0) add(next);
    add(rows_);
    const auto before = [](const Stretch& a, const Stretch& b) {
      return std::tie(a.batch, a.place, a.begin) < std::tie(b.batch, b.place, b.begin);
    };
    if (!std::is_sorted(stretches_.begin(), stretches_.end(), before))
      std::sort(stretches_.begin(), stretches_.end(), before);
  }

  std::vector<Task> cut_tasks() const {
    std::vector<Task> tasks;
    for (std::size_t p = 0; p < planes_.size(); ++p) {
      if (tasks.empty() || tasks.back().rows >= kBlockRows) tasks.push_back({p, p});
      tasks.back().end = p + 1;
      for (std::size_t s = planes_[p].begin; s < planes_[p].end; ++s)
        tasks.back().rows += stretches_[s].rows();
    }
    return tasks;
  }

  /// Writes the numbers that the row leads to; where they end. `number`: of the axes before c.
  template <std::size_t c>
  std::uint32_t* number(const std::int32_t* row, std::uint64_t number_before,
                        std::uint32_t* numbers) const {
    if constexpr (c == kColumns) {
      *numbers++ = static_cast<std::uint32_t>(number_before);
    } else {
      axes_[c].each(row[c], [&](std::uint64_t place) {
        numbers = number<c + 1>(row, number_before | place << first_bit_[c], numbers);
      });
    }
    return numbers;
  }

  /// Numbers of the task's planes, ascending in each; how many there are.
  std::int64_t list_numbers(const Task& task, OrderedBits& bits, std::uint32_t* const numbers) {
    std::uint32_t* begin = numbers;
    for (std::size_t p = task.begin; p < task.end; ++p) {
      std::uint32_t* end = begin;
      for (std::size_t s = planes_[p].begin; s < planes_[p].end; ++s) {
        for (std::int64_t i = stretches_[s].begin; i < stretches_[s].end; ++i) {
          row_.prefetch(i, rows_);
          end = number<2>(row_[i], 0, end);
        }
      }
      bits.insert({begin, end});
      end = bits.take_all(begin);
      planes_[p].coordinates = end - begin;
      begin = end;
    }
    return begin - numbers;
  }

  void write_rows(const Task& task, const std::uint32_t* numbers, std::int32_t* out) const {
    for (std::size_t p = task.begin; p < task.end; ++p) {
      const Stretch& plane = stretches_[planes_[p].begin];
      const std::int32_t first = axes_[1].coordinate(plane.place);
      for (std::int64_t i = 0; i < planes_[p].coordinates; ++i, ++numbers, out += kColumns) {
        std::uint64_t number = *numbers;
        out[0] = plane.batch;
        out[1] = first;
        for (std::size_t c = 2; c < kColumns; ++c) {
          out[c] = axes_[c].coordinate(number >> first_bit_[c]);
          number &= (std::uint64_t{1} << first_bit_[c]) - 1;
        }
      }
    }
  }

  const Execution& execution_;
  std::int64_t rows_;
  KeyOrder<kColumns> row_;
  std::array<PlaneAxis, kColumns> axes_;  ///< [0] is unused: batches stay.
  std::array<int, kColumns> first_bit_ =
      {};  ///< Of each axis behind the first in a plane's numbers.
  int plane_bits_ = 0;
  std::int64_t most_numbers_ = 1;  ///< That a row has on a plane.
  std::vector<Stretch> stretches_;
  std::vector<Plane> planes_;
};

template <std::size_t kColumns>
Tensor lattice_of(const Execution& execution, const CoordinateData& set,
                  std::span<const AxisCandidates> axes) {
  PlaneSets<kColumns> planes(execution, set, axes);
  return planes.find_planes() ? planes.make() : Tensor();
}

}  // namespace

std::shared_ptr<const CoordinateData> derive_by_planes(const Execution& execution,
                                                       const CoordinateData& set,
                                                       std::span<const AxisCandidates> axes,
                                                       PerAxis stride) {
  if (set.rows == 0) return nullptr;
  Tensor lattice;
  switch (set.dims) {
    case 1:
      lattice = lattice_of<2>(execution, set, axes);
      break;
    case 2:
      lattice = lattice_of<3>(execution, set, axes);
      break;
    case 3:
      lattice = lattice_of<4>(execution, set, axes);
      break;
    default:
      static_assert(kMaxDims == 4);
      lattice = lattice_of<5>(execution, set, axes);
  }
  if (!lattice) return nullptr;
  auto derived = std::make_shared<CoordinateData>();
  derived->execution = execution;
  derived->dims = set.dims;
  derived->stride = stride;
  derived->rows = lattice.rows();
  derived->box = bounding_box(execution, std::as_const(lattice).view());
  derived->lattice = std::move(lattice);
  return derived;
}

}  // namespace gavotte::internal::cpu
