// The layers of `gavotte tune --layers`: those that most networks are made of, on one scan.
#pragma once

#include <span>
#include <string>

#include "gavotte/tuner.h"

namespace gavotte::cli {

/// Adds them to the tuner, in each direction, and where `maps` is set their kernel maps. `scan`: how the scan is called.
/// `execution`: the Tuner's, its threads at least 1; the voxels are on its device.
void add_layer_list(Tuner& tuner, const std::string& scan, const Voxels& voxels, DType dtype,
                    std::span<const Direction> directions, bool maps, const Execution& execution);

}  // namespace gavotte::cli
