// From points to the indices of their voxels.
#pragma once

#include <cstdint>
#include <span>

#include "cpu/scratch.h"
#include "gavotte/voxelize.h"

namespace gavotte::internal::cpu {

/// The points that lie in a voxel, in the order of all scans' points.
struct QuantizedPoints {
  std::int64_t count = 0;
  Scratch cell_memory;  ///< int32 [count, 4]: batch entry, x, y and z of the voxel
  Scratch row_memory;   ///< int32 [count]: which points of all they are; empty where they are all
  std::int64_t dropped_nonfinite = 0, dropped_out_of_range = 0, dropped_out_of_int32 = 0;

  const std::int32_t* cells() const { return cell_memory.as<std::int32_t>(); }
  const std::int32_t* rows() const { return row_memory.as<std::int32_t>(); }  ///< Or null.
};

/// Scan i is batch entry i. See voxelize() for which points are kept.
QuantizedPoints quantize_points(const Execution& execution, std::span<const PointsView> scans,
                                const VoxelizeOptions& options);

}  // namespace gavotte::internal::cpu
