// Kernel maps on the CPU.
#pragma once

#include <memory>

#include "backend.h"

namespace gavotte::internal::cpu {

std::shared_ptr<const MapData> build_map(const Execution&, const Geometry&,
                                         const CoordinateData& input, const CoordinateData& output,
                                         const MapConfig&);
Tensor map_table(const Execution&, const PairView&);
Tensor map_masks(const Execution&, const PairView&);

}  // namespace gavotte::internal::cpu
