// What the user asked `gavotte tune` for.
#pragma once

#include <string>
#include <vector>

#include "gavotte/tuner.h"
#include "options.h"
#include "run_options.h"

namespace gavotte::cli {

struct TuneCommandOptions {
  RunOptions input;  ///< The network, the scans and what they become; threads, dtype, JSON, quiet.
  bool layers = false;
  std::string device;                  ///< Empty: the best one.
  std::string directions = "forward";  ///< A list with commas.
  std::string budget = "60s";
  bool again = false, no_maps = false;
  std::string output, report;
};

void add_tune_options(Command command, TuneCommandOptions& options);

/// Throws InputError for options that have no meaning together. With --layers the first of the positional words is a
/// scan, not a network, and is moved there.
void settle_tune_options(Command command, TuneCommandOptions& options);

/// "cpu", "cuda", "cuda:1"; the best device where `text` is empty. Throws InputError.
Device device_from_text(const std::string& text);
/// "forward,backward": backward is dgrad and wgrad. Throws InputError.
std::vector<Direction> directions_from_text(const std::string& text);
/// "90", "90s", "1.5m", "2h" in seconds. Throws InputError.
double seconds_from_text(const std::string& text);

}  // namespace gavotte::cli
