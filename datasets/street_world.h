// The street that the scanner drives through: solids around a position, from a seed. The world
// frame has x along the street, y across it (left positive), z up from the road.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gavotte/datasets/scenes.h"

namespace gavotte::internal {

enum class SolidShape : std::uint8_t { box, cylinder, ellipsoid };

/// A solid that stands upright: half sizes along its own axes, turned by (cos, sin) about z.
struct Solid {
  SolidShape shape = SolidShape::box;
  std::array<double, 3> center_m = {};
  std::array<double, 3> half_m = {};
  double cos_yaw = 1.0;
  double sin_yaw = 0.0;
  StreetLabel label = StreetLabel::unlabelled;
  std::int32_t instance = 0;
  float reflectivity = 0.5f;
  double leafiness =
      0.0;  ///< How far a beam goes in on average, as a share of the chord (tree crowns).

  double radius_m() const;  ///< Of the upright cylinder around it.
};

/// Where a ray enters a solid and how far it would stay inside; distance < 0: no hit.
struct RayHit {
  double distance_m = -1.0;
  double chord_m = 0.0;
  double cos_incidence = 1.0;
};

/// `direction` has length 1.
RayHit intersect(const Solid& solid, const std::array<double, 3>& origin,
                 const std::array<double, 3>& direction);

inline constexpr double kRoadHalfWidth_m = 5.0;
inline constexpr double kSidewalkHeight_m = 0.12;
inline constexpr double kFrame_s = 0.1;

/// Where the scanner is in a frame.
std::array<double, 3> scanner_position_m(std::int64_t frame);

/// The solids within `range_m` along the street of the scanner's position in that frame.
std::vector<Solid> street_solids(std::uint64_t seed, std::int64_t frame, double range_m);

}  // namespace gavotte::internal
