// A furnished room made of rectangles and ellipsoids, each sampled with a number of points in
// proportion to its area and a little noise across the surface.
#include <algorithm>
#include <array>
#include <cmath>

#include "check.h"
#include "counter_rng.h"
#include "gavotte/datasets/scenes.h"

namespace gavotte {
namespace {

using internal::CounterRng;
using Vec3 = std::array<double, 3>;
using Color = std::array<double, 3>;

class RoomBuilder {
 public:
  RoomBuilder(const RoomOptions& options, PointCloud* cloud) : options_(options), cloud_(cloud) {}

  // origin + u * s + v * t for s, t in [0, 1]; u and v along axes.
  void rectangle(const Vec3& origin, const Vec3& u, const Vec3& v, RoomLabel label,
                 const Color& color) {
    const double area = length(u) * length(v);
    CounterRng rng(options_.seed, 10, ++surfaces_);
    const Vec3 normal = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                         u[0] * v[1] - u[1] * v[0]};
    const auto count = static_cast<std::int64_t>(area * double{options_.points_per_m2});
    for (std::int64_t i = 0; i < count; ++i) {
      const double s = rng.uniform();
      const double t = rng.uniform();
      const double noise = area > 0.0 ? double{options_.noise_m} * rng.normal() / area : 0.0;
      Vec3 point;
      for (std::size_t a = 0; a < 3; ++a)
        point[a] = origin[a] + u[a] * s + v[a] * t + normal[a] * noise;
      add(point, label, color, &rng);
    }
  }

  void box(const Vec3& low, const Vec3& size, RoomLabel label, const Color& color) {
    const Vec3 x = {size[0], 0, 0};
    const Vec3 y = {0, size[1], 0};
    const Vec3 z = {0, 0, size[2]};
    const Vec3 high = {low[0] + size[0], low[1] + size[1], low[2] + size[2]};
    rectangle(low, x, z, label, color);
    rectangle(low, y, z, label, color);
    rectangle(low, x, y, label, color);
    rectangle({low[0], high[1], low[2]}, x, z, label, color);
    rectangle({high[0], low[1], low[2]}, y, z, label, color);
    rectangle({low[0], low[1], high[2]}, x, y, label, color);
  }

  void ball(const Vec3& centre, double radius, RoomLabel label, const Color& color) {
    CounterRng rng(options_.seed, 10, ++surfaces_);
    const double area = 4.0 * 3.141592653589793 * radius * radius;
    const auto count = static_cast<std::int64_t>(area * double{options_.points_per_m2});
    for (std::int64_t i = 0; i < count; ++i) {
      Vec3 direction;
      double square;
      do {  // a direction from a point in the ball, by rejection from its cube
        for (double& d : direction) d = rng.uniform(-1.0, 1.0);
        square =
            direction[0] * direction[0] + direction[1] * direction[1] + direction[2] * direction[2];
      } while (square > 1.0 || square < 1e-4);
      const double reach = (radius + double{options_.noise_m} * rng.normal()) / std::sqrt(square);
      add({centre[0] + direction[0] * reach, centre[1] + direction[1] * reach,
           centre[2] + direction[2] * reach},
          label, color, &rng);
    }
  }

  void legs(const Vec3& low, double width, double depth, double height, RoomLabel label,
            const Color& color) {
    for (const double x : {0.0, width - 0.05}) {
      for (const double y : {0.0, depth - 0.05}) {
        box({low[0] + x, low[1] + y, low[2]}, {0.05, 0.05, height}, label, color);
      }
    }
  }

 private:
  static double length(const Vec3& v) { return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

  void add(const Vec3& point, RoomLabel label, const Color& color, CounterRng* rng) {
    for (const double p : point) cloud_->rows.push_back(static_cast<float>(p));
    const double shade = 0.05 * rng->normal();
    for (const double c : color) {
      cloud_->rows.push_back(static_cast<float>(std::clamp(c + shade, 0.0, 1.0)));
    }
    cloud_->labels.push_back(static_cast<std::int32_t>(label));
  }

  const RoomOptions& options_;
  PointCloud* cloud_;
  std::uint64_t surfaces_ = 0;
};

void add_walls(RoomBuilder* room, const Vec3& size) {
  const Vec3 x = {size[0], 0, 0};
  const Vec3 y = {0, size[1], 0};
  const Vec3 z = {0, 0, size[2]};
  const Color paint = {0.85, 0.83, 0.76};
  room->rectangle({0, 0, 0}, x, y, RoomLabel::floor, {0.5, 0.36, 0.24});
  room->rectangle({0, 0, size[2]}, x, y, RoomLabel::ceiling, {0.95, 0.95, 0.95});
  room->rectangle({0, 0, 0}, x, z, RoomLabel::wall, paint);
  room->rectangle({0, size[1], 0}, x, z, RoomLabel::wall, paint);
  room->rectangle({0, 0, 0}, y, z, RoomLabel::wall, paint);
  room->rectangle({size[0], 0, 0}, y, z, RoomLabel::wall, paint);
}

void add_chair(RoomBuilder* room, CounterRng* rng, const Vec3& low) {
  const Color color = {rng->uniform(0.1, 0.8), rng->uniform(0.1, 0.5), rng->uniform(0.1, 0.6)};
  room->legs(low, 0.45, 0.45, 0.43, RoomLabel::chair, color);
  room->box({low[0], low[1], low[2] + 0.43}, {0.45, 0.45, 0.04}, RoomLabel::chair, color);
  const double back = rng->chance(0.5) ? 0.0 : 0.41;
  room->box({low[0], low[1] + back, low[2] + 0.47}, {0.45, 0.04, 0.45}, RoomLabel::chair, color);
}

void add_clutter(RoomBuilder* room, CounterRng* rng, const Vec3& low) {
  const Color color = {rng->uniform(), rng->uniform(), rng->uniform()};
  if (rng->chance(0.4)) {
    const double radius = rng->uniform(0.05, 0.15);
    room->ball({low[0], low[1], low[2] + radius}, radius, RoomLabel::clutter, color);
  } else {
    room->box(low, {rng->uniform(0.06, 0.3), rng->uniform(0.06, 0.3), rng->uniform(0.05, 0.35)},
              RoomLabel::clutter, color);
  }
}

void add_table(RoomBuilder* room, CounterRng* rng, const Vec3& low) {
  const double width = rng->uniform(1.0, 1.5);
  const double depth = rng->uniform(0.6, 0.8);
  const Color wood = {0.62, rng->uniform(0.36, 0.46), 0.24};
  room->legs(low, width, depth, 0.70, RoomLabel::table, wood);
  room->box({low[0], low[1], 0.70}, {width, depth, 0.04}, RoomLabel::table, wood);
  for (int i = 0, things = 2 + rng->below(4); i < things; ++i) {
    add_clutter(
        room, rng,
        {low[0] + rng->uniform(0.1, width - 0.4), low[1] + rng->uniform(0.1, depth - 0.3), 0.74});
  }
  add_chair(room, rng, {low[0] + 0.1, low[1] - 0.3, 0});
  add_chair(room, rng, {low[0] + width - 0.5, low[1] + depth - 0.1, 0});
}

}  // namespace

PointCloud room(const RoomOptions& options) {
  GAVOTTE_CHECK(
      options.points_per_m2 >= 1.0f && options.points_per_m2 <= 1e6f,
      "room: expected points_per_m2 in [1, 1e6], given " + std::to_string(options.points_per_m2));
  GAVOTTE_CHECK(options.noise_m >= 0.0f && options.noise_m <= 0.1f,
                "room: expected noise_m in [0, 0.1], given " + std::to_string(options.noise_m));
  CounterRng rng(options.seed, 3);
  const Vec3 size = {rng.uniform(4.5, 6.5), rng.uniform(4.0, 5.5), rng.uniform(2.5, 3.0)};
  PointCloud cloud;
  cloud.channels = {"r", "g", "b"};
  RoomBuilder room(options, &cloud);
  add_walls(&room, size);
  for (const double y : {0.8, 2.6}) {
    add_table(&room, &rng, {rng.uniform(0.6, size[0] - 2.6), y, 0});
  }
  const double shelf = rng.uniform(0.8, 1.4);
  for (int board = 0; board < 5; ++board) {  // shelves against the far wall
    room.box({size[0] - 0.35, 1.0, 0.1 + 0.45 * board}, {0.33, shelf, 0.03}, RoomLabel::shelf,
             {0.45, 0.3, 0.2});
    add_clutter(&room, &rng,
                {size[0] - 0.3, 1.1 + rng.uniform(0.0, shelf - 0.4), 0.13 + 0.45 * board});
  }
  for (int i = 0; i < 6; ++i) {
    add_clutter(&room, &rng, {rng.uniform(0.2, size[0] - 0.6), rng.uniform(0.2, size[1] - 0.5), 0});
  }
  return cloud;
}

}  // namespace gavotte
