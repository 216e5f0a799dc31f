// Points to voxels by sorting: the indices of their voxels are sorted with a stable radix sort that carries the point, the
// sorted run is cut where the voxel changes, and each cut is reduced in point order.
#include "cpu/voxelize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "cpu/quantize_points.h"
#include "cpu/row_blocks.h"
#include "cpu/sort_coordinates.h"

namespace gavotte::internal::cpu {
namespace {

// The points that are kept, voxel after voxel; those of one in point order.
struct SortedPoints {
  std::int64_t count;
  const std::int32_t* order;      // [count] of those that are kept, or null: they are sorted
  const std::uint8_t* is_first;   // [count] in its voxel, or null: all are
  const std::int32_t* kept_rows;  // of all points, or null: all are kept

  std::int64_t kept(std::int64_t i) const { return order != nullptr ? order[i] : i; }
  std::int64_t row(std::int64_t i) const {
    return kept_rows != nullptr ? kept_rows[kept(i)] : kept(i);
  }
  bool first(std::int64_t i) const { return is_first == nullptr || is_first[i] != 0; }
};

// Features beside each other need not be aligned.
template <class T, int width>
std::array<double, width> load(const std::byte* features) {
  std::array<T, width> values;
  std::memcpy(values.data(), features, sizeof(values));
  std::array<double, width> loaded;
  for (std::size_t c = 0; c < width; ++c) loaded[c] = static_cast<double>(values[c]);
  return loaded;
}

// `width` features of the points of one voxel; features(i): of its point i, in point order.
template <int width, class Features>
std::array<double, width> reduce_points(Reduce reduce, std::int64_t count, Features&& features) {
  std::array<double, width> reduced = features(0);
  if (reduce == Reduce::first || count == 1) return reduced;
  for (std::int64_t i = 1; i < count; ++i) {
    const std::array<double, width> values = features(i);
    for (std::size_t c = 0; c < width; ++c) {
      if (reduce != Reduce::max) {
        reduced[c] += values[c];
      } else if (std::isnan(values[c]) || values[c] > reduced[c]) {
        reduced[c] = values[c];  // a NaN stays: nothing is > NaN
      }
    }
  }
  if (reduce == Reduce::mean)
    for (double& value : reduced) value /= static_cast<double>(count);
  return reduced;
}

// The features of the points [begin, end), which are of one voxel of a scan whose points are from `start` on of all.
template <class T>
void reduce_voxel(const PointsView& scan, std::int64_t start, const SortedPoints& points,
                  std::int64_t begin, std::int64_t end, Reduce reduce, float* out) {
  const std::byte* const first = static_cast<const std::byte*>(scan.data) + scan.feature_offset;
  const auto reduce_from = [&]<int width>(int c, std::integral_constant<int, width>) {
    const auto reduced = reduce_points<width>(reduce, end - begin, [&](std::int64_t i) {
      const std::int64_t point = points.row(begin + i) - start;
      return load<T, width>(first + point * scan.stride_bytes + c * std::int64_t{sizeof(T)});
    });
    for (std::size_t i = 0; i < width; ++i)
      out[static_cast<std::size_t>(c) + i] = static_cast<float>(reduced[i]);
  };
  int c = 0;
  for (; c + 4 <= scan.features; c += 4) reduce_from(c, std::integral_constant<int, 4>());
  for (; c < scan.features; ++c) reduce_from(c, std::integral_constant<int, 1>());
}

using ReduceVoxel = decltype(&reduce_voxel<float>);

ReduceVoxel reduce_voxel_of(DType features) {
  switch (features) {
    case DType::uint8:
      return reduce_voxel<std::uint8_t>;
    case DType::int32:
      return reduce_voxel<std::int32_t>;
    case DType::int64:
      return reduce_voxel<std::int64_t>;
    case DType::float64:
      return reduce_voxel<double>;
    default:
      return reduce_voxel<float>;
  }
}

template <class T>
void spread_rows(const Execution& execution, std::span<const T> values,
                 std::span<const std::int32_t> inverse, std::int64_t width, T missing,
                 std::span<T> out) {
  const auto points = static_cast<std::int64_t>(inverse.size());
  for_row_blocks(execution, points, [&](const RowBlock& block) {
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      T* const to = out.data() + i * width;
      const std::int32_t voxel = inverse[static_cast<std::size_t>(i)];
      if (voxel < 0) {
        std::fill_n(to, width, missing);
      } else {
        std::copy_n(values.data() + voxel * width, width, to);
      }
    }
  });
}

}  // namespace

void voxelize(const Execution& execution, std::span<const PointsView> scans,
              const VoxelizeOptions& options, Voxels& out) {
  const QuantizedPoints kept = quantize_points(execution, scans, options);
  out.dropped_nonfinite = kept.dropped_nonfinite;
  out.dropped_out_of_range = kept.dropped_out_of_range;
  out.dropped_out_of_int32 = kept.dropped_out_of_int32;
  const std::int32_t* const cells = kept.cells();
  const SortedRows sorted =
      sort_rows(execution, ConstTensorView(cells, {kept.count, 4}), Keys::drop);
  const SortedPoints points{
      kept.count, sorted.order ? sorted.order.span<std::int32_t>().data() : nullptr,
      sorted.is_first ? sorted.is_first.span<std::uint8_t>().data() : nullptr, kept.rows()};
  const std::vector<std::int64_t> before = distinct_before(execution, sorted);

  const std::int64_t voxels = before.back(), channels = scans.empty() ? 0 : scans[0].features;
  out.coordinates = Tensor(execution, DType::int32, {voxels, 4});
  out.features = Tensor(execution, DType::float32, {voxels, channels});
  out.inverse = Tensor(execution, DType::int32, {out.points()});
  std::int32_t* const coordinates = out.coordinates.span<std::int32_t>().data();
  float* const features = out.features.span<float>().data();
  const std::span<std::int32_t> inverse = out.inverse.span<std::int32_t>();
  if (points.kept_rows != nullptr) std::fill(inverse.begin(), inverse.end(), -1);
  // A voxel is made by the block in which it begins.
  for_row_blocks(execution, points.count, [&](const RowBlock& block) {
    std::int64_t voxel = before[block.index] - 1;
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      if (points.first(i)) {
        ++voxel;
        const std::int32_t* const cell = cells + 4 * points.kept(i);
        std::copy_n(cell, 4, coordinates + 4 * voxel);
        std::int64_t next = i + 1;
        while (next < points.count && !points.first(next)) ++next;
        const auto s = static_cast<std::size_t>(cell[0]);
        if (channels > 0)
          reduce_voxel_of(scans[s].feature_dtype)(scans[s], out.scan_starts[s], points, i, next,
                                                  options.reduce, features + voxel * channels);
      }
      inverse[static_cast<std::size_t>(points.row(i))] = static_cast<std::int32_t>(voxel);
    }
  });
}

void spread_voxels(const Execution& execution, ConstTensorView x, ConstTensorView inverse,
                   TensorView y) {
  const std::int64_t width = x.shape.rank() == 2 ? x.shape[1] : 1;
  const std::span<const std::int32_t> rows = inverse.span<std::int32_t>();
  if (x.dtype == DType::int32) {
    spread_rows(execution, x.span<std::int32_t>(), rows, width, -1, y.span<std::int32_t>());
  } else {
    spread_rows(execution, x.span<float>(), rows, width, std::numeric_limits<float>::quiet_NaN(),
                y.span<float>());
  }
}

}  // namespace gavotte::internal::cpu
