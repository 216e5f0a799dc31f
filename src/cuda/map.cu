#include "cuda/map.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

std::shared_ptr<const MapData> build_map(const Execution&, const Geometry&,
                                         const CoordinateData& input, const CoordinateData& output,
                                         const MapConfig&) {
  not_yet("build_map");
}

PairLists sort_by_input(const Execution&, const MapData&) { not_yet("sort_by_input"); }

Tensor map_table(const Execution&, const PairView&) { not_yet("map_table"); }

Tensor map_masks(const Execution&, const PairView&) { not_yet("map_masks"); }

}  // namespace gavotte::internal::cuda
