// A scan's file as a network's input.
#pragma once

#include <string>

#include "gavotte/network.h"
#include "gavotte/voxelize.h"
#include "run_options.h"

namespace gavotte::cli {

/// Reads, chooses the features and makes voxels of them, as the options and the network say. Throws InputError that
/// names the file: it cannot be read, or no finite point is left.
Voxels read_voxels(const RunOptions& options, const Network& network, const std::string& path);

}  // namespace gavotte::cli
