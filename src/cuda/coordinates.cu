// Coordinate sets derived from others: each is a source of slots (device/coordinate_source.h) with a
// box known to the host, made unique by one sort.
#include "cuda/coordinates.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "check.h"
#include "cuda/runtime.h"
#include "cuda/unique_rows.h"

namespace gavotte::internal::cuda {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

PlainRows plain_rows(const Tensor& lattice) {
  return {static_cast<const std::int32_t*>(lattice.data()), static_cast<int>(lattice.shape()[1]),
          RowCount{lattice.rows()}};
}

PlainRows plain_rows(const CoordinateData& set) {
  PlainRows rows = plain_rows(set.lattice);
  rows.rows = rows_of(set);
  return rows;
}

std::vector<std::int32_t> read_row(const Execution& execution, const PlainRows& rows,
                                   std::int64_t row) {
  return read_back(execution, rows.lattice + row * rows.columns, rows.columns);
}

/// Throws the Error that names the first row which repeats an earlier one. Waits once more.
[[noreturn]] void throw_duplicate(const Execution& execution, const PlainRows& rows,
                                  const SetFacts& facts) {
  const auto later = static_cast<std::uint32_t>(~(facts.first_duplicate >> 32));
  const auto earlier = static_cast<std::uint32_t>(facts.first_duplicate);
  std::string point;
  for (const std::int32_t value : read_row(execution, rows, later))
    point += (point.empty() ? "(" : ", ") + std::to_string(value);
  throw_error(ErrorKind::value,
              "expected distinct coordinates; rows " + std::to_string(earlier) + " and " +
                  std::to_string(later) + " are both " + point + ") (" +
                  std::to_string(facts.duplicates) + " duplicates in all): voxelize() merges them",
              __FILE__, __LINE__);
}

/// Throws the Error that names the first row with an output past int32. Waits once more.
[[noreturn]] void throw_overflow(const Execution& execution, const Candidates& candidates,
                                 const SetFacts& facts) {
  const std::int64_t row = static_cast<std::uint32_t>(~facts.overflow_row);
  const std::vector<std::int32_t> values = read_row(execution, candidates.rows, row);
  for (std::int32_t j = 0; j < candidates.per_row; ++j) {
    std::int64_t wide[kMaxDims] = {};
    if (!candidates.combine(values.data(), j, wide)) continue;
    for (int axis = candidates.rows.columns - 2; axis >= 0; --axis) {
      GAVOTTE_CHECK(wide[axis] >= kLeast && wide[axis] <= kMost,
                    "expected output coordinates within int32; row " + std::to_string(row) +
                        " gives " + std::to_string(wide[axis]) + " on axis " +
                        std::to_string(axis) + ": set spatial_shape or move the points");
    }
  }
  throw_error(ErrorKind::runtime, "the device found an overflow that the host does not find",
              __FILE__, __LINE__);
}

std::shared_ptr<CoordinateData> new_set(const Execution& execution, int dims, PerAxis stride) {
  auto set = std::make_shared<CoordinateData>();
  set->execution = execution;
  set->dims = dims;
  set->stride = stride;
  return set;
}

/// The distinct rows of a source in key order, their number left on the device. `box` holds them all;
/// where it is wider than they are, the facts get theirs.
template <class Source>
std::shared_ptr<CoordinateData> deferred_set(const Execution& execution, const Source& source,
                                             const Box& box, bool box_is_exact, int dims,
                                             PerAxis stride) {
  auto set = new_set(execution, dims, stride);
  set->rows = source.slots();
  set->box = box;
  Tensor facts = make_count(execution);
  auto* const facts_out = static_cast<SetFacts*>(facts.data());
  const UniqueRows unique = find_unique(execution, source, KeyLayout::of(box, dims), facts_out);
  set->lattice = make_tensor(execution, DType::int32, {set->rows, 1 + dims});
  write_rows(execution, source, unique, static_cast<std::int32_t*>(set->lattice.data()), nullptr);
  set->count = std::move(facts);
  set->box_is_exact = box_is_exact;
  if (!box_is_exact && !Source::kFindsBox) launch_find_box(execution, plain_rows(*set), facts_out);
  return set;
}

/// The distinct rows of a source in key order. `box` holds them all; where the source finds its own
/// box, that one becomes the set's. `check` sees the facts first. One wait; none without slots.
template <class Source, class Check>
std::shared_ptr<CoordinateData> unique_set(const Execution& execution, const Source& source,
                                           const Box& box, int dims, PerAxis stride,
                                           std::int32_t* row_of, Check&& check) {
  auto set = new_set(execution, dims, stride);
  const std::int64_t columns = 1 + dims;
  if (source.slots() == 0) {
    set->lattice = make_tensor(execution, DType::int32, {0, columns});
    return set;
  }
  Scratch<SetFacts> on_device = make_facts(execution);
  const UniqueRows unique =
      find_unique(execution, source, KeyLayout::of(box, dims), on_device.get());
  const SetFacts facts = read_facts(execution, on_device);
  check(facts);
  set->rows = facts.count;
  set->box = Source::kFindsBox ? facts.box(static_cast<int>(columns)) : box;
  set->lattice = make_tensor(execution, DType::int32, {facts.count, columns});
  write_rows(execution, source, unique, static_cast<std::int32_t*>(set->lattice.data()), row_of);
  return set;
}

/// The window of one axis: its distinct offsets are evenly spaced, as those of every kernel are.
AxisWindow axis_window(const Geometry& geometry, std::size_t axis, bool to_coarse,
                       const std::optional<Bounds>& bounds) {
  std::vector<std::int64_t> offsets;
  for (const AxisOffset& offset : geometry.offsets) offsets.push_back(offset[axis]);
  std::sort(offsets.begin(), offsets.end());
  offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
  AxisWindow window;
  window.to_coarse = to_coarse;
  window.scale = geometry.scale[axis];
  window.first = offsets.front();
  window.count = static_cast<std::int64_t>(offsets.size());
  window.step = offsets.size() > 1 ? offsets[1] - offsets[0] : 1;
  for (std::size_t j = 0; j < offsets.size(); ++j) {
    GAVOTTE_CHECK(offsets[j] == window.first + static_cast<std::int64_t>(j) * window.step,
                  "expected evenly spaced kernel offsets on axis " + std::to_string(axis) +
                      "; got " + std::to_string(offsets[j]));
  }
  if (bounds) {
    window.lower = bounds->lower[axis];
    window.upper = bounds->upper[axis];
  }
  window.period = to_coarse ? window.scale / std::gcd(window.step, window.scale) : 1;
  window.slots = static_cast<std::int32_t>((window.count + window.period - 1) / window.period);
  return window;
}

std::int64_t floor_divide(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/// All that an axis of [lower, upper] may become, cut to the bounds and to int32; empty where lower
/// passes upper.
void widen(const AxisWindow& window, std::int64_t& lower, std::int64_t& upper) {
  const std::int64_t last = window.first + (window.count - 1) * window.step;
  lower = window.to_coarse ? -floor_divide(last - lower, window.scale)
                           : lower * window.scale + window.first;
  upper = window.to_coarse ? floor_divide(upper - window.first, window.scale)
                           : upper * window.scale + last;
  lower = std::max({lower, window.lower, kLeast});
  upper = std::min({upper, window.upper, kMost});
}

Box joined_box(const CoordinateData& a, const CoordinateData& b) {
  if (a.rows == 0) return b.box;
  if (b.rows == 0) return a.box;
  Box box = a.box;
  for (std::size_t c = 0; c < box.lower.size(); ++c) {
    box.lower[c] = std::min(box.lower[c], b.box.lower[c]);
    box.upper[c] = std::max(box.upper[c], b.box.upper[c]);
  }
  return box;
}

}  // namespace

std::int64_t scale_lattice(const Execution& execution, ConstTensorView from, const PerAxis& stride,
                           bool divide, TensorView to) {
  use_device(execution.device.index);
  if (from.rows() == 0) return -1;
  Scratch<std::uint64_t> first_bad(execution, 1);
  fill_bytes(execution.stream.handle, first_bad.get(), 0, sizeof(std::uint64_t));
  launch_scale_lattice(execution, from, stride, divide, to, first_bad.get());
  const std::uint64_t found = read_back(execution, first_bad.get(), 1).front();
  return found == 0 ? -1 : static_cast<std::int64_t>(~found);
}

std::shared_ptr<const CoordinateData> make_set(const Execution& execution, Tensor lattice,
                                               PerAxis stride) {
  use_device(execution.device.index);
  const PlainRows rows = plain_rows(lattice);
  auto set = new_set(execution, rows.columns - 1, stride);
  set->rows = lattice.rows();
  if (set->rows > 0) {
    Scratch<SetFacts> facts = make_facts(execution);
    launch_find_box(execution, rows, facts.get());
    const SetFacts found = read_facts(execution, facts);
    set->box = found.box(rows.columns);
    if (found.descents > 0) {
      SortedSlots sorted = sort_slots(
          execution, make_keys(execution, rows, KeyLayout::of(set->box, set->dims), facts.get()));
      launch_find_duplicates(execution, sorted, facts.get());
      const SetFacts checked = read_facts(execution, facts);
      if (checked.duplicates > 0) throw_duplicate(execution, rows, checked);
      set->order = std::move(sorted.order);
    }
  }
  set->lattice = std::move(lattice);
  return set;
}

std::shared_ptr<const CoordinateData> downsample(const Execution& execution,
                                                 const CoordinateData& set, const AxisOffset& scale,
                                                 PerAxis stride, Wait wait) {
  use_device(execution.device.index);
  FloorRows source{plain_rows(set), {}};
  Box box = set.box;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(kMaxDims); ++axis) {
    const bool used = static_cast<int>(axis) < set.dims;
    const std::int64_t divisor = used ? scale[axis] : 1;
    source.scale[axis] = static_cast<std::int32_t>(divisor);
    // Flooring keeps order: the box of the result is the result of the box.
    box.lower[1 + axis] = floor_divide(box.lower[1 + axis], divisor);
    box.upper[1 + axis] = floor_divide(box.upper[1 + axis], divisor);
  }
  if (source.slots() > 0 && (wait == Wait::later || set.deferred()))
    return deferred_set(execution, source, box, set.box_is_exact, set.dims, stride);
  return unique_set(execution, source, box, set.dims, stride, nullptr, [](const SetFacts&) {});
}

std::shared_ptr<const CoordinateData> expand(const Execution& execution, const CoordinateData& set,
                                             const Geometry& geometry, bool to_coarse,
                                             const std::optional<Bounds>& bounds, PerAxis stride,
                                             Wait wait) {
  use_device(execution.device.index);
  Candidates source;
  source.rows = plain_rows(set);
  Box box = set.box;
  bool any = set.rows > 0;
  std::int64_t per_row = 1;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(set.dims); ++axis) {
    source.axes[axis] = axis_window(geometry, axis, to_coarse, bounds);
    widen(source.axes[axis], box.lower[1 + axis], box.upper[1 + axis]);
    any = any && box.lower[1 + axis] <= box.upper[1 + axis];
    per_row *= source.axes[axis].slots;
  }
  GAVOTTE_CHECK(set.rows <= kMost / per_row, "expected fewer than 2^31 candidate outputs; " +
                                                 std::to_string(set.rows) + " inputs give up to " +
                                                 std::to_string(per_row) +
                                                 " each: cut the scan or use a smaller kernel");
  source.per_row = static_cast<std::int32_t>(per_row);
  if (!any) source.rows.rows.bound = 0;
  if (source.slots() > 0 && (wait == Wait::later || set.deferred()))
    return deferred_set(execution, source, box, false, set.dims, stride);
  return unique_set(execution, source, box, set.dims, stride, nullptr, [&](const SetFacts& facts) {
    if (facts.overflow_row != 0) throw_overflow(execution, source, facts);
  });
}

std::shared_ptr<const CoordinateData> unite(const Execution& execution, const CoordinateData& a,
                                            const CoordinateData& b, Tensor& row_of_a,
                                            Tensor& row_of_b) {
  use_device(execution.device.index);
  GAVOTTE_CHECK(a.rows + b.rows <= kMost, "expected a union of fewer than 2^31 rows; got " +
                                              std::to_string(a.rows) + " and " +
                                              std::to_string(b.rows));
  const JoinedRows source{plain_rows(a.lattice), plain_rows(b.lattice)};
  Tensor row_of = make_tensor(execution, DType::int32, {a.rows + b.rows});
  auto* const rows_out = static_cast<std::int32_t*>(row_of.data());
  auto set = unique_set(execution, source, joined_box(a, b), a.dims, a.stride, rows_out,
                        [](const SetFacts&) {});
  row_of_a = make_tensor(execution, DType::int32, {a.rows});
  row_of_b = make_tensor(execution, DType::int32, {b.rows});
  copy_bytes(execution.stream.handle, row_of_a.data(), rows_out, row_of_a.view().bytes());
  copy_bytes(execution.stream.handle, row_of_b.data(), rows_out + a.rows, row_of_b.view().bytes());
  return set;
}

}  // namespace gavotte::internal::cuda
