// Points to voxels and back on a GPU: quantise, sort the voxel keys by a stable sort, reduce the run
// of each voxel in point order. Arguments as Backend's; validated by the callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cuda {

/// Uploads the points. Waits for the stream twice, for the box and for the number of voxels; once
/// where a finite range gives the box of the keys.
void voxelize(const Execution& execution, std::span<const PointsView> scans,
              const VoxelizeOptions& options, Voxels& out);
void spread_voxels(const Execution& execution, ConstTensorView x, ConstTensorView inverse,
                   TensorView y);

}  // namespace gavotte::internal::cuda
