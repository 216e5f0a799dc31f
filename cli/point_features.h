// Which numbers of a point become the input channels of a network.
//
// Names: x, y, z (metres), one (1 for every point), brightness (0.299 r + 0.587 g + 0.114 b), or
// any channel of the scan (intensity, r, g, b, nx, ...). Without a list of the user:
//
//   1 channel    intensity
//   3 channels   r, g, b where the scan has them, else x, y, z
//   4 channels   x, y, z, intensity
//   otherwise    the user has to say
//
// intensity, where the scan has none, is its brightness; where it has no colours either, one. A
// feature that is NaN or infinite becomes 0, since one such number would spread over all its
// neighbours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gavotte/points.h"

namespace gavotte::cli {

/// Features of each point, and the positions that they belong to.
struct PointFeatures {
  PointCloud cloud;                ///< x, y, z as scanned; its channels are the features.
  std::vector<std::string> names;  ///< [C], with what stands in for intensity.
  std::int64_t replaced = 0;       ///< Numbers that were NaN or infinite.
};

/// `wanted`: names, or empty for the rule above. Throws InputError where a name is unknown or their
/// number is not `channels`; `path` names the scan in it.
PointFeatures select_features(const PointCloud& scan, const std::vector<std::string>& wanted,
                              std::int64_t channels, const std::string& path);

}  // namespace gavotte::cli
