// What a tuning found, as text and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gavotte/tuner.h"
#include "output.h"

namespace gavotte::cli {

/// What does not change over a tuning.
struct TuneSetup {
  std::string title;  ///< The network, or "layer list".
  std::string dtype;
  std::string output;  ///< The file.
  DeviceIdentity device;
  int threads = 1;
  double budget_s = 60;
  struct Scan {
    std::string name;
    std::int64_t voxels = 0;
  };
  std::vector<Scan> scans;
  bool interrupted = false;
};

/// What a reader has to know beside the figures, a sentence or two each: noise, an end before its time, what was not timed.
std::vector<std::string> tune_notes(const TuneSetup& setup, const TuneReport& report);

/// Tables of layers and maps, the gain, the notes.
std::string tune_text(const TuneSetup& setup, const TuneReport& report);

/// The same with all candidates; what report_page() shows.
Json tune_json(const TuneSetup& setup, const TuneReport& report);

/// The line of a tuning that goes on: the part that is done or of the budget that is used, time left, gain so far.
std::string progress_text(const TuneProgress& progress);

}  // namespace gavotte::cli
