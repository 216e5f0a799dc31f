// Points to voxels and back on the CPU. Arguments as Backend's; validated by the callers.
#pragma once

#include "backend.h"

namespace gavotte::internal::cpu {

void voxelize(const Execution& execution, std::span<const PointsView> scans,
              const VoxelizeOptions& options, Voxels& out);
void spread_voxels(const Execution& execution, ConstTensorView x, ConstTensorView inverse,
                   TensorView y);

}  // namespace gavotte::internal::cpu
