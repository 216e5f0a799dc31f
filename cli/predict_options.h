// What the user asked `gavotte predict` for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run_options.h"

namespace gavotte::cli {

struct PredictOptions {
  std::string manifest;        // or the network, where nothing was measured
  std::string voxels, points;  // N or LO:HI
  RunOptions input;            // of scans: what they become; of estimates: dtype, threads, config
  std::string device_description;
  bool launches = false;
  bool estimates() const { return !input.config.empty() || !device_description.empty(); }
};

struct Counts {
  std::int64_t least = 0, most = 0;
};

/// "37445" or "30000:40000". Throws InputError that names the option.
Counts parse_counts(const std::string& option, const std::string& text);
/// "30,000 to 40,000 voxels"
std::string counted(const Counts& counts, const char* what);

/// Of a network without a manifest, by a device config or a device's description.
void run_estimate(const PredictOptions& options);

}  // namespace gavotte::cli
