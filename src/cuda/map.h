// Kernel maps on a GPU.
#pragma once

#include <memory>

#include "backend.h"

namespace gavotte::internal::cuda {

std::shared_ptr<const MapData> build_map(const Execution&, const Geometry&,
                                         const CoordinateData& input, const CoordinateData& output,
                                         const MapConfig&);
PairLists sort_by_input(const Execution&, const MapData&);
Tensor map_table(const Execution&, const PairView&);
Tensor map_masks(const Execution&, const PairView&);

}  // namespace gavotte::internal::cuda
