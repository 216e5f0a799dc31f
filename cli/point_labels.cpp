// Output rows are found by binary search in their sorted coordinates.
#include "point_labels.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace gavotte::cli {
namespace {

constexpr std::size_t kWidth = 4;  // batch entry, x, y, z
using Cell = std::array<std::int32_t, kWidth>;

Cell cell_at(std::span<const std::int32_t> rows, std::size_t row) {
  Cell cell;
  std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(row * kWidth), kWidth, cell.begin());
  return cell;
}

std::int32_t floor_divide(std::int32_t value, std::int32_t by) {
  const std::int32_t quotient = value / by;
  return value % by < 0 ? quotient - 1 : quotient;
}

// Rows of the set in lexicographic order.
std::vector<std::int32_t> sorted_rows(std::span<const std::int32_t> lattice) {
  std::vector<std::int32_t> rows(lattice.size() / kWidth);
  std::iota(rows.begin(), rows.end(), 0);
  const auto before = [&](std::int32_t a, std::int32_t b) {
    return cell_at(lattice, static_cast<std::size_t>(a)) <
           cell_at(lattice, static_cast<std::size_t>(b));
  };
  if (!std::is_sorted(rows.begin(), rows.end(), before))
    std::sort(rows.begin(), rows.end(), before);
  return rows;
}

}  // namespace

std::vector<std::int32_t> point_labels(const Result& result, const Voxels& voxels) {
  const Tensor classes = result.argmax();
  const auto row_class = classes.span<std::int32_t>();
  const auto lattice = result.coordinates.lattice().span<std::int32_t>();
  const auto inputs = voxels.coordinates.span<std::int32_t>();
  const PerAxis stride = result.coordinates.stride();
  const std::vector<std::int32_t> rows = sorted_rows(lattice);

  Tensor voxel_class(DType::int32, {voxels.size()});
  const auto labels = voxel_class.span<std::int32_t>();
  for (std::size_t voxel = 0; voxel < labels.size(); ++voxel) {
    Cell cell = cell_at(inputs, voxel);
    for (int axis = 0; axis < 3; ++axis) {
      auto& value = cell[static_cast<std::size_t>(axis) + 1];
      value = floor_divide(value, stride[axis]);
    }
    const auto found =
        std::lower_bound(rows.begin(), rows.end(), cell, [&](std::int32_t row, const Cell& wanted) {
          return cell_at(lattice, static_cast<std::size_t>(row)) < wanted;
        });
    const bool hit =
        found != rows.end() && cell_at(lattice, static_cast<std::size_t>(*found)) == cell;
    labels[voxel] = hit ? row_class[static_cast<std::size_t>(*found)] : -1;
  }
  const Tensor points = voxels.to_points(voxel_class);
  const auto values = points.span<std::int32_t>();
  return {values.begin(), values.end()};
}

}  // namespace gavotte::cli
