// Int8 inference: how a layer's features become bytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "gavotte/export.h"

namespace gavotte {

/// Where the scale of the features that an int8 layer reads comes from.
enum class ActivationScales {
  static_tensor,   ///< One for all scans, found by calibration.
  dynamic_tensor,  ///< Of each scan its largest magnitude.
  dynamic_row      ///< Of each voxel its largest magnitude.
};
GAVOTTE_API std::string_view name(ActivationScales scales) noexcept;

}  // namespace gavotte
