// What one scan's run came to, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gavotte/executor.h"
#include "output.h"
#include "score.h"

namespace gavotte::cli {

struct ScanReport {
  std::string path;
  std::int64_t points = 0, voxels = 0;
  std::int64_t dropped_nonfinite = 0, cropped = 0, dropped_out_of_int32 = 0;
  std::int64_t replaced_features = 0;
  std::vector<std::string> features;  ///< Names of the input channels.
  std::array<double, 3> voxel_size_m = {};
  double read_ms = 0, voxelize_ms = 0;  ///< voxelize_ms: of the last round.
  int rounds = 1, warmup = 0;
  RunStats stats;                          ///< Medians over the rounds.
  std::vector<std::string> classes;        ///< Names of the output channels.
  std::vector<std::int64_t> class_points;  ///< [classes] points of each; empty after a global pool.
  std::optional<Score> score;              ///< With --score.
  std::vector<double> scores;              ///< [classes] after a global pool, else empty.
  std::string labels_path, picture_path;   ///< Empty where none was written.
};

/// Medians of each time over runs of one network on one scan; all else is the last run's.
RunStats median_stats(const std::vector<RunStats>& rounds);

/// How the run was set up: the same for all scans.
struct RunSetup {
  std::string network, device, dtype;
  std::string config;  ///< The file of tuned configs, or empty.
  int threads = 1;
  bool trained = true;  ///< False: a built-in network with seeded weights.
};

std::string report_text(const RunSetup& setup, const ScanReport& scan);
Json report_json(const RunSetup& setup, const std::vector<ScanReport>& scans);

}  // namespace gavotte::cli
