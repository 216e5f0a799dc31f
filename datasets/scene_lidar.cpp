// A ring scanner in the street: for each azimuth the solids in its vertical plane are picked, then
// each beam is cast against those and the ground.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "check.h"
#include "counter_rng.h"
#include "gavotte/datasets/scenes.h"
#include "street_world.h"

namespace gavotte {
namespace {

using internal::CounterRng;
using internal::RayHit;
using internal::Solid;
using Vec3 = std::array<double, 3>;

constexpr int kBeams = 64;
constexpr double kTopElevation_deg = 2.0;
constexpr double kBottomElevation_deg = -24.8;
constexpr std::uint64_t kRayStream = 100;

struct Return {
  double distance_m = 0.0;
  double cos_incidence = 1.0;
  float reflectivity = 0.0f;
  StreetLabel label = StreetLabel::unlabelled;
  std::int32_t instance = 0;
};

// The road, and on both sides of it the sidewalk one kerb higher.
void hit_ground(const Vec3& origin, const Vec3& direction, Return* best) {
  if (direction[2] >= 0.0) return;
  for (const bool road : {true, false}) {
    const double height = road ? 0.0 : internal::kSidewalkHeight_m;
    const double distance = (height - origin[2]) / direction[2];
    const double y = origin[1] + distance * direction[1];
    if ((std::abs(y) < internal::kRoadHalfWidth_m) != road || distance >= best->distance_m)
      continue;
    const double x = origin[0] + distance * direction[0];
    const double dash = x / 6.0 - std::floor(x / 6.0);  // lane marks: 3 m in every 6
    const bool paint = road && std::abs(y) < 0.08 && dash < 0.5;
    *best = {.distance_m = distance,
             .cos_incidence = -direction[2],
             .reflectivity = paint  ? 0.95f
                             : road ? 0.2f
                                    : 0.35f,
             .label = road ? StreetLabel::road : StreetLabel::sidewalk};
  }
}

Return cast(const std::vector<const Solid*>& solids, const Vec3& origin, const Vec3& direction,
            double max_range_m, CounterRng* rng) {
  Return best{.distance_m = max_range_m};
  hit_ground(origin, direction, &best);
  for (const Solid* solid : solids) {
    const RayHit hit = internal::intersect(*solid, origin, direction);
    if (hit.distance_m <= 0.0) continue;
    double distance = hit.distance_m;
    if (solid->leafiness > 0.0) {  // leaves let the beam in, now and then right through
      const double depth = rng->uniform() * 2.0 * solid->leafiness;
      if (rng->chance(0.15)) continue;
      distance += std::min(depth, 1.0) * hit.chord_m;
    }
    if (distance >= best.distance_m) continue;
    best = {.distance_m = distance,
            .cos_incidence = hit.cos_incidence,
            .reflectivity = solid->reflectivity,
            .label = solid->label,
            .instance = solid->instance};
  }
  return best;
}

// Those that a vertical plane through `origin` along (dx, dy) can meet.
void pick_solids(const std::vector<Solid>& solids, const Vec3& origin, double dx, double dy,
                 std::vector<const Solid*>* picked) {
  picked->clear();
  for (const Solid& solid : solids) {
    const double x = solid.center_m[0] - origin[0];
    const double y = solid.center_m[1] - origin[1];
    const double radius = solid.radius_m();
    if (std::abs(x * dy - y * dx) <= radius && x * dx + y * dy >= -radius)
      picked->push_back(&solid);
  }
}

void check_options(const StreetOptions& options) {
  GAVOTTE_CHECK(
      options.azimuths >= 1 && options.azimuths <= 100'000,
      "lidar_street: expected azimuths in [1, 100000], given " + std::to_string(options.azimuths));
  GAVOTTE_CHECK(options.max_range_m >= 1.0f && options.max_range_m <= 500.0f,
                "lidar_street: expected max_range_m in [1, 500], given " +
                    std::to_string(options.max_range_m));
  GAVOTTE_CHECK(options.range_noise_m >= 0.0f && options.range_noise_m <= 1.0f,
                "lidar_street: expected range_noise_m in [0, 1], given " +
                    std::to_string(options.range_noise_m));
  GAVOTTE_CHECK(
      options.frame >= 0 && options.frame <= 1'000'000,
      "lidar_street: expected frame in [0, 1000000], given " + std::to_string(options.frame));
}

}  // namespace

PointCloud lidar_street(const StreetOptions& options) {
  check_options(options);
  const Vec3 origin = internal::scanner_position_m(options.frame);
  const std::vector<Solid> solids =
      internal::street_solids(options.seed, options.frame, double{options.max_range_m});
  const CounterRng frame_rng(options.seed, kRayStream, static_cast<std::uint64_t>(options.frame));
  const std::uint64_t frame_seed = CounterRng(frame_rng).bits();

  // [azimuth][beam] while casting, so that solids are picked once an azimuth; beam-major in the
  // cloud.
  const auto azimuths = static_cast<std::size_t>(options.azimuths);
  std::vector<Return> returns(azimuths * kBeams);
  std::vector<Vec3> directions(azimuths * kBeams);
  std::vector<const Solid*> picked;
  for (std::size_t i = 0; i < azimuths; ++i) {
    const double azimuth =
        2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(azimuths);
    const double dx = std::cos(azimuth);
    const double dy = -std::sin(azimuth);  // clockwise from above
    pick_solids(solids, origin, dx, dy, &picked);
    for (std::size_t beam = 0; beam < kBeams; ++beam) {
      const double share = static_cast<double>(beam) / (kBeams - 1);
      const double elevation =
          (kTopElevation_deg + share * (kBottomElevation_deg - kTopElevation_deg)) *
          std::numbers::pi / 180.0;
      const std::size_t ray = beam * azimuths + i;
      directions[ray] = {dx * std::cos(elevation), dy * std::cos(elevation), std::sin(elevation)};
      CounterRng rng(frame_seed, ray);
      Return& hit = returns[ray];
      hit = cast(picked, origin, directions[ray], double{options.max_range_m}, &rng);
      if (hit.label == StreetLabel::unlabelled) continue;  // sky
      // Drop-outs: a few at random, more of what is dark, far and seen at a slant.
      const double signal = double{hit.reflectivity} * (0.2 + 0.8 * hit.cos_incidence);
      const double reach = hit.distance_m / double{options.max_range_m};
      if (rng.chance(0.02 + 0.3 * reach * std::max(0.0, 0.4 - signal))) {
        hit.label = StreetLabel::unlabelled;
        continue;
      }
      hit.distance_m += double{options.range_noise_m} * rng.normal();
      hit.reflectivity = static_cast<float>(std::clamp(signal + 0.03 * rng.normal(), 0.0, 1.0));
    }
  }

  PointCloud cloud;
  cloud.channels = {"intensity"};
  for (std::size_t ray = 0; ray < returns.size(); ++ray) {
    const Return& hit = returns[ray];
    if (hit.label == StreetLabel::unlabelled) continue;
    for (const double d : directions[ray])
      cloud.rows.push_back(static_cast<float>(d * hit.distance_m));
    cloud.rows.push_back(hit.reflectivity);
    cloud.labels.push_back(static_cast<std::int32_t>(hit.label));
    cloud.instances.push_back(hit.instance);
  }
  return cloud;
}

}  // namespace gavotte
