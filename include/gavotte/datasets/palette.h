// Names and colours of classes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gavotte/export.h"

namespace gavotte {

/// Class i is named names[i] and drawn in colors[i]; a label outside [0, size) is drawn as
/// `unknown`.
struct GAVOTTE_API Palette {
  using Color = std::array<std::uint8_t, 3>;  ///< Red, green, blue.

  std::vector<std::string> names;  ///< [classes]
  std::vector<Color> colors;       ///< [classes]
  Color unknown = {90, 90, 90};

  std::size_t size() const noexcept { return colors.size(); }
  Color color(std::int32_t label) const noexcept {
    const bool known = label >= 0 && static_cast<std::size_t>(label) < colors.size();
    return known ? colors[static_cast<std::size_t>(label)] : unknown;
  }

  /// Distinct colours for any number of classes, named "class 0"...
  static Palette distinct(std::int64_t classes);
  /// The classes of lidar_street().
  static Palette street();
  /// The classes of room().
  static Palette room();
};

}  // namespace gavotte
