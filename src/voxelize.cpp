// Points to voxels and back: checks, then calls of the backend.
#include "gavotte/voxelize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "backend.h"
#include "check.h"
#include "tensor_checks.h"

namespace gavotte {
namespace {

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();

void check_options(const VoxelizeOptions& options) {
  for (const double size : options.voxel_size_m) {
    GAVOTTE_CHECK(std::isfinite(size) && size > 0,
                  "voxelize: expected a finite voxel_size_m > 0, given " + std::to_string(size));
  }
  for (const double origin : options.origin_m) {
    GAVOTTE_CHECK(std::isfinite(origin),
                  "voxelize: expected a finite origin_m, given " + std::to_string(origin));
  }
  if (!options.range) return;
  for (std::size_t a = 0; a < 3; ++a) {  // an infinite bound leaves that side open
    const float low = options.range->min_m[a];
    const float high = options.range->max_m[a];
    GAVOTTE_CHECK(low < high, "voxelize: expected range min_m < max_m on every axis, given " +
                                  std::to_string(low) + " and " + std::to_string(high) +
                                  " on axis " + std::to_string(a));
  }
}

/// Of hand-made voxels: on a GPU nobody looks.
void check_rows(const Tensor& inverse, std::int64_t voxels) {
  std::int32_t largest = -1;
  for (const std::int32_t row : inverse.span<std::int32_t>()) largest = std::max(largest, row);
  GAVOTTE_CHECK(largest < voxels, "Voxels::to_points: expected rows below " +
                                      std::to_string(voxels) + " in inverse, given " +
                                      std::to_string(largest));
}

}  // namespace

Voxels voxelize(std::span<const PointsView> scans, const VoxelizeOptions& options,
                const Execution& execution) {
  check_options(options);

  Voxels out;
  out.voxel_size_m = options.voxel_size_m;
  out.origin_m = options.origin_m;
  out.scan_starts.push_back(0);
  const int channels = scans.empty() ? 0 : scans[0].features;
  for (const PointsView& scan : scans) {
    scan.validate();
    GAVOTTE_CHECK(scan.features == channels,
                  "voxelize: expected the same number of features in every scan, given " +
                      std::to_string(channels) + " and " + std::to_string(scan.features));
    GAVOTTE_CHECK(scan.count <= kMaxInt32 - out.points(),
                  "voxelize: expected at most 2^31 - 1 points in all, given " +
                      std::to_string(out.points()) + " and " + std::to_string(scan.count) +
                      " more");
    out.scan_starts.push_back(out.points() + scan.count);
  }

  internal::backend(execution.device).voxelize(execution, scans, options, out);
  return out;
}

Voxels voxelize(const PointsView& points, const VoxelizeOptions& options,
                const Execution& execution) {
  return voxelize(std::span<const PointsView>(&points, 1), options, execution);
}

Tensor Voxels::to_points(ConstTensorView values, const Execution& execution) const {
  GAVOTTE_CHECK(
      values.dtype == DType::int32 || values.dtype == DType::float32,
      "Voxels::to_points: expected int32 or float32, given " + std::string(name(values.dtype)));
  const int rank = values.shape.rank();
  GAVOTTE_CHECK((rank == 1 || rank == 2) && values.rows() == size(),
                "Voxels::to_points: expected [" + std::to_string(size()) + "] or [" +
                    std::to_string(size()) + ", C], given " + values.shape.to_string());
  const Device device = inverse ? inverse.device() : execution.device;
  for (const Device& given : {values.device, execution.device}) {
    GAVOTTE_CHECK(given == device, "Voxels::to_points: expected values and execution on " +
                                       device.to_string() + ", given " + given.to_string());
  }
  internal::check_memory("Voxels::to_points: values", values, device);
  GAVOTTE_CHECK(
      points() == 0 || (inverse.dtype() == DType::int32 && inverse.shape() == Shape{points()}),
      "Voxels::to_points: expected an inverse of int32 [" + std::to_string(points()) +
          "] as scan_starts says, given " + std::string(name(inverse.dtype())) + " " +
          inverse.shape().to_string());
  if (points() > 0 && device.kind == DeviceKind::cpu) check_rows(inverse, size());
  Tensor out(execution, values.dtype,
             rank == 2 ? Shape{points(), values.shape[1]} : Shape{points()});
  if (points() > 0)
    internal::backend(device).spread_voxels(execution, values, inverse.view(), out.view());
  return out;
}

std::string Voxels::to_string() const {
  const auto trimmed = [](double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  };
  const std::int64_t dropped = dropped_nonfinite + dropped_out_of_range + dropped_out_of_int32;
  return "Voxels(" + std::to_string(size()) + " voxels of " + trimmed(voxel_size_m[0]) + " x " +
         trimmed(voxel_size_m[1]) + " x " + trimmed(voxel_size_m[2]) + " m from " +
         std::to_string(points()) + " points, " + std::to_string(dropped) + " dropped)";
}

}  // namespace gavotte
