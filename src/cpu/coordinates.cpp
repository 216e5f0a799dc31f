// Coordinate sets derived from others: candidates are listed, sorted and made unique.
#include "coordinates.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "axis_candidates.h"
#include "check.h"
#include "loan.h"
#include "plane_axis.h"
#include "plane_sets.h"
#include "row_blocks.h"
#include "row_rank.h"
#include "sort_coordinates.h"

namespace gavotte::internal::cpu {

namespace {

constexpr std::int64_t kCoordinateBytes = sizeof(std::int32_t);

std::int64_t floor_divide(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

bool fits_int32(std::int64_t value) {
  return value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

/// Throws the Error that names the first row which repeats an earlier one.
[[noreturn]] void throw_duplicate(ConstTensorView lattice, const SortedRows& sorted) {
  const auto order = sorted.order.span<std::int32_t>();
  const auto is_first = sorted.is_first.span<std::uint8_t>();
  std::int32_t earlier = 0, later = std::numeric_limits<std::int32_t>::max();
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (is_first[i] == 0 && order[i] < later) {
      later = order[i];
      earlier = order[i - 1];
    }
  }
  std::string point = "(";
  for (std::int64_t c = 0; c < lattice.shape[1]; ++c) {
    point +=
        (c > 0 ? ", " : "") +
        std::to_string(
            lattice.span<std::int32_t>()[static_cast<std::size_t>(later * lattice.shape[1] + c)]);
  }
  GAVOTTE_CHECK(false, "expected distinct coordinates; rows " + std::to_string(earlier) + " and " +
                           std::to_string(later) + " are both " + point + ") (" +
                           std::to_string(lattice.rows() - sorted.distinct) +
                           " duplicates in all): voxelize() merges them");
  std::abort();  // not reached
}

/// downsample() where planes serve, else null.
std::shared_ptr<const CoordinateData> downsample_by_planes(const Execution& execution,
                                                           const CoordinateData& set,
                                                           const AxisOffset& scale,
                                                           PerAxis stride) {
  std::vector<AxisCandidates> axes;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(set.dims); ++axis) {
    if (scale[axis] > PlaneAxis::kMaxPeriod) return nullptr;
    axes.push_back(
        {scale[axis], true, std::vector<std::int64_t>(static_cast<std::size_t>(scale[axis]))});
    std::iota(axes.back().offsets.begin(), axes.back().offsets.end(), 0);
  }
  return derive_by_planes(execution, set, axes, stride);
}

}  // namespace

std::int64_t scale_lattice(const Execution&, ConstTensorView from, const PerAxis& stride,
                           bool divide, TensorView to) {
  const auto source = from.span<std::int32_t>();
  const auto destination = to.span<std::int32_t>();
  const auto columns = static_cast<std::size_t>(from.shape[1]);
  for (std::size_t i = 0; i < source.size(); ++i) {
    const std::int64_t value = source[i];
    const std::size_t column = i % columns;
    const std::int64_t factor = column == 0 ? 1 : stride[static_cast<int>(column) - 1];
    if (divide ? value % factor != 0 : !fits_int32(value * factor))
      return static_cast<std::int64_t>(i);
    destination[i] = static_cast<std::int32_t>(divide ? value / factor : value * factor);
  }
  return -1;
}

std::shared_ptr<const CoordinateData> make_set(const Execution& execution, Tensor lattice,
                                               PerAxis stride) {
  SortedRows sorted = sort_rows(execution, lattice, Keys::keep);
  if (sorted.distinct < lattice.rows()) throw_duplicate(lattice, sorted);
  auto set = std::make_shared<CoordinateData>();
  set->execution = execution;
  set->dims = static_cast<int>(lattice.shape()[1]) - 1;
  set->stride = stride;
  set->rows = lattice.rows();
  set->order = std::move(sorted.order);
  if (set->order) set->rank = std::make_shared<RowRank>(set->order);
  set->box = sorted.box;
  set->keys = std::move(sorted.keys);
  set->key_box = sorted.key_box;
  set->lattice = std::move(lattice);
  return set;
}

std::shared_ptr<const CoordinateData> downsample(const Execution& execution,
                                                 const CoordinateData& set, const AxisOffset& scale,
                                                 PerAxis stride) {
  if (const auto coarse = downsample_by_planes(execution, set, scale, stride)) return coarse;
  const std::int64_t columns = 1 + set.dims;
  const Borrowed memory(set.rows * columns * kCoordinateBytes);
  const std::int32_t* source = set.lattice.span<std::int32_t>().data();
  std::int32_t* destination = memory.as<std::int32_t>();
  for_row_blocks(execution, set.rows, [&](const RowBlock& block) {
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      destination[i * columns] = source[i * columns];
      for (std::int64_t c = 1; c < columns; ++c) {
        destination[i * columns + c] = static_cast<std::int32_t>(
            floor_divide(source[i * columns + c], scale[static_cast<std::size_t>(c - 1)]));
      }
    }
  });
  return unique_set(execution, {destination, DType::int32, Shape{set.rows, columns}}, stride);
}

std::shared_ptr<const CoordinateData> expand(const Execution& execution, const CoordinateData& set,
                                             const Geometry& geometry, bool to_coarse,
                                             const std::optional<Bounds>& bounds, PerAxis stride) {
  const int dims = set.dims;
  const std::int64_t columns = 1 + dims;
  std::vector<AxisCandidates> axes;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(dims); ++axis)
    axes.push_back(AxisCandidates::of(geometry, axis, to_coarse, bounds));
  if (auto derived = derive_by_planes(execution, set, axes, stride)) return derived;
  const std::int32_t* source = set.lattice.span<std::int32_t>().data();

  // Pass 0 counts the candidates of each block, pass 1 writes them.
  std::vector<std::int64_t> begin(static_cast<std::size_t>(blocks_of(set.rows)) + 1);
  Borrowed candidates;
  for (int pass = 0; pass < 2; ++pass) {
    for_row_blocks(execution, set.rows, [&](const RowBlock& block) {
      std::array<std::vector<std::int64_t>, kMaxDims> lists;
      std::int64_t total = 0;
      std::int32_t* out =
          pass == 1 ? candidates.as<std::int32_t>() + begin[block.index] * columns : nullptr;
      for (std::int64_t i = block.begin; i < block.end; ++i) {
        std::int64_t product = 1;
        for (std::size_t axis = 0; axis < static_cast<std::size_t>(dims); ++axis) {
          axes[axis].list(source[i * columns + 1 + static_cast<std::int64_t>(axis)], lists[axis]);
          product *= static_cast<std::int64_t>(lists[axis].size());
        }
        total += product;
        if (pass == 0) continue;
        for (std::int64_t j = 0; j < product; ++j, out += columns) {
          out[0] = source[i * columns];
          std::int64_t rest = j;
          for (std::size_t axis = static_cast<std::size_t>(dims); axis-- > 0;) {
            const auto length = static_cast<std::int64_t>(lists[axis].size());
            const std::int64_t value = lists[axis][static_cast<std::size_t>(rest % length)];
            GAVOTTE_CHECK(fits_int32(value),
                          "expected output coordinates within int32; row " + std::to_string(i) +
                              " gives " + std::to_string(value) + " on axis " +
                              std::to_string(axis) + ": set spatial_shape or move the points");
            out[1 + axis] = static_cast<std::int32_t>(value);
            rest /= length;
          }
        }
      }
      if (pass == 0) begin[block.index + 1] = total;
    });
    if (pass == 0) {
      for (std::size_t block = 1; block < begin.size(); ++block) begin[block] += begin[block - 1];
      GAVOTTE_CHECK(begin.back() <= std::numeric_limits<std::int32_t>::max(),
                    "expected fewer than 2^31 candidate outputs; " + std::to_string(set.rows) +
                        " inputs give " + std::to_string(begin.back()) +
                        ": cut the scan or use a smaller kernel");
      candidates = Borrowed(begin.back() * columns * kCoordinateBytes);
    }
  }
  return unique_set(execution,
                    {candidates.as<std::int32_t>(), DType::int32, Shape{begin.back(), columns}},
                    stride);
}

std::shared_ptr<const CoordinateData> unite(const Execution& execution, const CoordinateData& a,
                                            const CoordinateData& b, Tensor& row_of_a,
                                            Tensor& row_of_b) {
  const std::int64_t columns = 1 + a.dims;
  GAVOTTE_CHECK(a.rows + b.rows <= std::numeric_limits<std::int32_t>::max(),
                "expected a union of fewer than 2^31 rows; got " + std::to_string(a.rows) +
                    " and " + std::to_string(b.rows));
  Tensor both(DType::int32, {a.rows + b.rows, columns});
  std::int32_t* values = both.span<std::int32_t>().data();
  std::copy_n(a.lattice.span<std::int32_t>().data(), a.rows * columns, values);
  std::copy_n(b.lattice.span<std::int32_t>().data(), b.rows * columns, values + a.rows * columns);
  Tensor row_of;
  auto set = unique_set(execution, both, a.stride, &row_of);
  row_of_a = Tensor(execution, DType::int32, {a.rows});
  row_of_b = Tensor(execution, DType::int32, {b.rows});
  std::copy_n(row_of.span<std::int32_t>().data(), a.rows, row_of_a.span<std::int32_t>().data());
  std::copy_n(row_of.span<std::int32_t>().data() + a.rows, b.rows,
              row_of_b.span<std::int32_t>().data());
  return set;
}

}  // namespace gavotte::internal::cpu
