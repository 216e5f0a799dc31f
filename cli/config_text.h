// Tuned configs in words: what tables of `gavotte config` and `gavotte tune` show of them.
#pragma once

#include <string>

#include "gavotte/device_config.h"

namespace gavotte::cli {

/// The dataflow, and each field that is not the default's: "tile_indirect, tile_rows 256".
std::string config_text(const ConvConfig& config);
/// The builder, and each field that is not the default's.
std::string config_text(const MapConfig& config);

/// "16 -> 32", with ", groups 4" where there are any.
std::string channels_text(const LayerKind& kind);

/// "1.25x": default time / tuned time; empty where nothing was timed.
std::string gain_text(const Measurement& measured);

/// Three significant digits of a time in milliseconds; empty for 0, which stands for "not timed".
std::string ms_text(double ms);

/// Text of a file as a terminal may see it: control characters become '?'.
std::string printable(std::string text);

}  // namespace gavotte::cli
