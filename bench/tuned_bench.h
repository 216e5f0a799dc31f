// What a device config gains: networks and layers by default and as it says, side by side.
#pragma once

#include <vector>

#include "gavotte/device_config.h"
#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// Both built-in networks in float32 and bfloat16, maps included, a row for each beside that of the default. Of their
/// layers, forward and backward, and of nine others, those that the config runs in another way than the default; a note
/// says what it gains over all.
void bench_tuned(const Scene& scene, const TunedConfig& config, const std::vector<int>& threads,
                 int rounds, Report& report);

}  // namespace gavotte::bench
