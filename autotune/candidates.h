// The configs that are worth a try, by construction: a tile that overflows the cache, a channel tile that is no whole
// number of vectors or divides nothing, threads that get no work of their own are never made. The idea is that of Roller
// (OSDI'22): a small set that fits the machine, instead of a search among all.
#pragma once

#include <vector>

#include "gavotte/device_config.h"
#include "layer_shape.h"

namespace gavotte::internal {

/// The first is the default, ConvConfig(); those that differ from it in one field come before those that differ in more.
std::vector<ConvConfig> layer_candidates(const LayerShape& shape, const DeviceIdentity& device);

/// symmetric: the kernel of a submanifold layer, of which half may be searched. The first is the default.
std::vector<MapConfig> map_candidates(const MapKind& kind, std::int64_t rows, bool symmetric,
                                      const DeviceIdentity& device);

}  // namespace gavotte::internal
