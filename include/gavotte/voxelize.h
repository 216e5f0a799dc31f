// From points to voxels and back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gavotte/device.h"
#include "gavotte/export.h"
#include "gavotte/points.h"
#include "gavotte/tensor.h"

namespace gavotte {

/// How the features of the points in one voxel become the voxel's.
enum class Reduce {
  first,  ///< Those of the point that comes first in the scan.
  mean,   ///< Sum over count, both in float64.
  max,    ///< The largest of each feature; NaN where one is NaN.
  sum,    ///< Added in point order in float64.
};

/// A box in metres: points with min <= p < max on every axis are inside.
struct GAVOTTE_API PointRange {
  std::array<float, 3> min_m = {};
  std::array<float, 3> max_m = {};
  friend bool operator==(const PointRange&, const PointRange&) = default;
};

struct GAVOTTE_API VoxelizeOptions {
  std::array<double, 3> voxel_size_m = {0.1, 0.1, 0.1};  ///< Edge along x, y and z; > 0 and finite.
  std::optional<PointRange> range = std::nullopt;  ///< Points outside are dropped and counted.
  Reduce reduce = Reduce::first;
  std::array<double, 3> origin_m = {};  ///< Corner of voxel (0, 0, 0).
  friend bool operator==(const VoxelizeOptions&, const VoxelizeOptions&) = default;
};

/// The voxels of one scan or of a batch of scans.
struct GAVOTTE_API Voxels {
  Tensor
      coordinates;  ///< int32 [N, 4]: batch entry, x, y, z; rows distinct, in lexicographic order.
  Tensor features;  ///< float32 [N, C].
  Tensor inverse;   ///< int32 [points of all scans]: the row of a point's voxel, -1 where it was
                    ///< dropped.
  std::vector<std::int64_t>
      scan_starts;  ///< [scans + 1]: where each scan's points begin in `inverse`.

  std::int64_t dropped_nonfinite = 0;     ///< Points with a NaN or infinite x, y or z.
  std::int64_t dropped_out_of_range = 0;  ///< Finite points outside the range.
  std::int64_t dropped_out_of_int32 =
      0;  ///< Points inside the range whose index does not fit int32.

  std::array<double, 3> voxel_size_m = {};
  std::array<double, 3> origin_m = {};

  std::int64_t size() const noexcept { return coordinates ? coordinates.rows() : 0; }
  std::int64_t points() const noexcept { return scan_starts.empty() ? 0 : scan_starts.back(); }

  /// A value for each point from a value for each voxel, in the order of `inverse`:
  /// int32 [N] or [N, C] -> int32 [points(, C)], -1 at dropped points;
  /// float32 [N] or [N, C] -> float32 [points(, C)], NaN at dropped points.
  /// Values, result and execution are on the device of the voxels. Throws Error where the rows are
  /// not N or the dtype or the device is another.
  Tensor to_points(ConstTensorView values, const Execution& execution = {}) const;

  /// "Voxels(37445 voxels of 0.1 x 0.1 x 0.1 m from 62271 points, 12 dropped)".
  std::string to_string() const;
};

/// Voxelises one scan as batch entry 0. The index of a point is floor((p - origin) / size),
/// computed in float64. A point with a NaN or infinite coordinate is dropped and counted, then one
/// outside the range, then one whose index does not fit int32. A NaN feature is no reason to drop a
/// point: it is carried as it is, and reaches the voxel as `reduce` says. The points are in CPU
/// memory, the tensors on the device of `execution`; a GPU is waited for twice, or once where the
/// range is finite. Deterministic: the same bits for every number of threads and on every device (of
/// a NaN, that it is one). Throws Error for an illegal view or option, and for more than 2^31 - 1
/// points.
GAVOTTE_API Voxels voxelize(const PointsView& points, const VoxelizeOptions& options,
                            const Execution& execution = {});

/// Voxelises several scans into one batch, scan i as batch entry i; an empty scan leaves its entry
/// without voxels. All scans have the same number of features.
GAVOTTE_API Voxels voxelize(std::span<const PointsView> scans, const VoxelizeOptions& options,
                            const Execution& execution = {});

}  // namespace gavotte
