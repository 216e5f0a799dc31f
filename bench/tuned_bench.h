// What a device config gains: networks and layers by default and as it says, side by side.
#pragma once

#include <vector>

#include "gavotte/device_config.h"
#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// Both built-in networks in float32 and bfloat16, maps included, and of nine layers, in each direction, those that the
/// config runs in another way than the default. A row for each, beside that of the default.
void bench_tuned(const Scene& scene, const TunedConfig& config, const std::vector<int>& threads,
                 int rounds, Report& report);

}  // namespace gavotte::bench
