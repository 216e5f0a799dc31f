// Ray against box, upright cylinder and ellipsoid, in closed form.
#include <algorithm>
#include <cmath>
#include <limits>

#include "street_world.h"

namespace gavotte::internal {
namespace {

using Vec3 = std::array<double, 3>;

// Enter and leave distances of a ray in the slab |p| <= half; sets `axis` where this slab is
// entered last.
bool clip_slab(double origin, double direction, double half, int axis, double* enter, double* leave,
               int* enter_axis) {
  if (direction == 0.0) return std::abs(origin) <= half;
  double near = (-half - origin) / direction;
  double far = (half - origin) / direction;
  if (near > far) std::swap(near, far);
  if (near > *enter) {
    *enter = near;
    *enter_axis = axis;
  }
  *leave = std::min(*leave, far);
  return *enter <= *leave;
}

// The unit ball (axes 3) or the unit disc (axes 2) in coordinates divided by the half sizes.
bool clip_round(const Vec3& origin, const Vec3& direction, const Vec3& half, std::size_t axes,
                double* enter, double* leave) {
  double a = 0.0;
  double b = 0.0;
  double c = -1.0;
  for (std::size_t i = 0; i < axes; ++i) {
    const double o = origin[i] / half[i];
    const double d = direction[i] / half[i];
    a += d * d;
    b += o * d;
    c += o * o;
  }
  const double discriminant = b * b - a * c;
  if (discriminant <= 0.0 || a == 0.0) return false;
  const double root = std::sqrt(discriminant);
  *enter = std::max(*enter, (-b - root) / a);
  *leave = std::min(*leave, (-b + root) / a);
  return *enter <= *leave;
}

}  // namespace

double Solid::radius_m() const { return std::sqrt(half_m[0] * half_m[0] + half_m[1] * half_m[1]); }

RayHit intersect(const Solid& solid, const Vec3& origin, const Vec3& direction) {
  const auto turned = [&](const Vec3& v) {
    return Vec3{solid.cos_yaw * v[0] + solid.sin_yaw * v[1],
                solid.cos_yaw * v[1] - solid.sin_yaw * v[0], v[2]};
  };
  const Vec3 o = turned({origin[0] - solid.center_m[0], origin[1] - solid.center_m[1],
                         origin[2] - solid.center_m[2]});
  const Vec3 d = turned(direction);
  double enter = -std::numeric_limits<double>::infinity();
  double leave = std::numeric_limits<double>::infinity();
  int axis = -1;
  bool hit = true;
  if (solid.shape == SolidShape::ellipsoid) {
    hit = clip_round(o, d, solid.half_m, 3, &enter, &leave);
  } else if (solid.shape == SolidShape::cylinder) {
    hit = clip_round(o, d, solid.half_m, 2, &enter, &leave) &&
          clip_slab(o[2], d[2], solid.half_m[2], 2, &enter, &leave, &axis);
  } else {
    for (int i = 0; i < 3 && hit; ++i) {
      const auto a = static_cast<std::size_t>(i);
      hit = clip_slab(o[a], d[a], solid.half_m[a], i, &enter, &leave, &axis);
    }
  }
  if (!hit || enter <= 0.0) return {};
  RayHit result{.distance_m = enter, .chord_m = leave - enter};
  if (axis >= 0) {
    result.cos_incidence = std::abs(d[static_cast<std::size_t>(axis)]);
  } else {  // the gradient of the implicit form
    Vec3 normal = {};
    double length = 0.0;
    const std::size_t axes = solid.shape == SolidShape::ellipsoid ? 3 : 2;
    double along = 0.0;
    for (std::size_t i = 0; i < axes; ++i) {
      normal[i] = (o[i] + enter * d[i]) / (solid.half_m[i] * solid.half_m[i]);
      length += normal[i] * normal[i];
      along += normal[i] * d[i];
    }
    result.cos_incidence = std::abs(along) / std::sqrt(length);
  }
  return result;
}

}  // namespace gavotte::internal
