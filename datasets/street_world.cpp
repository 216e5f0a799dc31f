// The street in cells of 12 m: each cell's objects come from (seed, cell), so the street has no end
// and a frame far along it costs no more than the first. Moving objects come in lanes of their own,
// each lane a train of slots that travels at the lane's speed.
#include "street_world.h"

#include <algorithm>
#include <cmath>

#include "counter_rng.h"

namespace gavotte::internal {
namespace {

constexpr double kCell_m = 12.0;
constexpr double kScannerHeight_m = 1.73;
constexpr double kScannerSpeed_m_s = 8.0;

enum Stream : std::uint64_t { kBuildings = 1, kFurniture, kParked, kTraffic, kWalkers };

// Cells are numbered from far behind the start, so that instances are positive in any frame.
std::int32_t instance_of(std::int64_t cell, int slot) {
  return static_cast<std::int32_t>(1 + ((cell % 1000 + 1000) % 1000) * 60 + slot);
}

void turn(Solid* solid, double tangent) {  // by atan(tangent), from exact operations only
  solid->cos_yaw = 1.0 / std::sqrt(1.0 + tangent * tangent);
  solid->sin_yaw = tangent * solid->cos_yaw;
}

void add_building(CounterRng* rng, std::int64_t cell, int side, std::vector<Solid>* out) {
  if (rng->chance(0.14)) return;  // a gap: a side street or a garden
  const double depth = rng->uniform(5.0, 8.0);
  const double height = rng->uniform(5.0, 16.0);
  const double front = rng->uniform(9.0, 11.5);
  const double width = rng->uniform(0.80, 1.0) * kCell_m;
  Solid body{.label = StreetLabel::building, .instance = instance_of(cell, side > 0 ? 0 : 1)};
  body.center_m = {(static_cast<double>(cell) + 0.5) * kCell_m, side * (front + depth / 2),
                   height / 2};
  body.half_m = {width / 2, depth / 2, height / 2};
  body.reflectivity = static_cast<float>(rng->uniform(0.25, 0.6));
  out->push_back(body);
  const int bays = 1 + rng->below(3);  // oriels and porches break the plane of the wall
  for (int i = 0; i < bays; ++i) {
    Solid bay = body;
    const double bay_height = rng->uniform(1.0, height - 1.0);
    const double low = rng->chance(0.5) ? 0.0 : rng->uniform(2.5, 3.5);
    bay.half_m = {rng->uniform(0.5, 1.6), 0.35, bay_height / 2};
    bay.center_m[0] += rng->uniform(-0.8, 0.8) * (body.half_m[0] - bay.half_m[0]);
    bay.center_m[1] = side * (front - rng->uniform(0.1, 0.3));
    bay.center_m[2] = low + bay_height / 2;
    out->push_back(bay);
  }
}

void add_tree(CounterRng* rng, double x, double y, std::int32_t instance, std::vector<Solid>* out) {
  const double trunk = rng->uniform(1.8, 3.0);
  Solid stem{.shape = SolidShape::cylinder, .label = StreetLabel::tree, .instance = instance};
  stem.center_m = {x, y, trunk / 2 + kSidewalkHeight_m};
  const double radius = rng->uniform(0.12, 0.25);
  stem.half_m = {radius, radius, trunk / 2};
  stem.reflectivity = 0.3f;
  out->push_back(stem);
  const int lobes = 2 + rng->below(3);
  for (int i = 0; i < lobes; ++i) {
    Solid lobe{.shape = SolidShape::ellipsoid, .label = StreetLabel::tree, .instance = instance};
    const double size = rng->uniform(0.9, 1.8);
    lobe.center_m = {x + rng->uniform(-0.7, 0.7), y + rng->uniform(-0.7, 0.7),
                     trunk + size * rng->uniform(0.6, 1.3)};
    lobe.half_m = {size, size * rng->uniform(0.8, 1.2), size * rng->uniform(0.7, 1.1)};
    lobe.reflectivity = static_cast<float>(rng->uniform(0.3, 0.5));
    lobe.leafiness = 0.35;
    out->push_back(lobe);
  }
}

void add_pole(CounterRng* rng, double x, double y, std::int32_t instance, std::vector<Solid>* out) {
  const double height = rng->uniform(3.0, 8.0);
  Solid pole{.shape = SolidShape::cylinder, .label = StreetLabel::pole, .instance = instance};
  pole.center_m = {x, y, height / 2};
  const double radius = rng->uniform(0.05, 0.12);
  pole.half_m = {radius, radius, height / 2};
  pole.reflectivity = 0.6f;
  out->push_back(pole);
  if (rng->chance(0.5)) {  // a sign across it
    Solid sign = pole;
    sign.shape = SolidShape::box;
    sign.center_m[2] = std::min(height - 0.4, 2.6);
    sign.half_m = {0.03, 0.35, 0.35};
    sign.reflectivity = 0.95f;
    out->push_back(sign);
  }
}

void add_car(CounterRng* rng, double x, double y, std::int32_t instance, std::vector<Solid>* out) {
  const double length = rng->uniform(3.7, 4.9);
  const double width = rng->uniform(1.65, 1.9);
  const double height = rng->uniform(1.4, 1.9);
  const double tangent = rng->uniform(-0.05, 0.05);
  Solid body{.label = StreetLabel::car, .instance = instance};
  body.center_m = {x, y, 0.25 + height * 0.25};
  body.half_m = {length / 2, width / 2, height * 0.27};
  body.reflectivity = static_cast<float>(rng->uniform(0.3, 0.9));
  turn(&body, tangent);
  out->push_back(body);
  Solid cabin = body;
  cabin.center_m[0] -= length * 0.06;
  cabin.center_m[2] = height * 0.76;
  cabin.half_m = {length * 0.28, width * 0.44, height * 0.24};
  cabin.reflectivity *= 0.6f;
  out->push_back(cabin);
  for (const double along : {-0.32, 0.32}) {  // axles: the wheels reach the road
    Solid axle = body;
    axle.center_m[0] += along * length * body.cos_yaw;
    axle.center_m[1] += along * length * body.sin_yaw;
    axle.center_m[2] = 0.3;
    axle.half_m = {0.3, width / 2 - 0.05, 0.3};
    axle.reflectivity = 0.15f;
    out->push_back(axle);
  }
}

void add_pedestrian(CounterRng* rng, double x, double y, double stride, std::int32_t instance,
                    std::vector<Solid>* out) {
  const double height = rng->uniform(1.5, 1.9);
  Solid part{
      .shape = SolidShape::ellipsoid, .label = StreetLabel::pedestrian, .instance = instance};
  part.reflectivity = static_cast<float>(rng->uniform(0.3, 0.7));
  part.center_m = {x, y, height * 0.65 + kSidewalkHeight_m};
  part.half_m = {0.18, 0.26, height * 0.22};
  out->push_back(part);
  part.center_m[2] = height * 0.93 + kSidewalkHeight_m;
  part.half_m = {0.11, 0.1, 0.13};
  out->push_back(part);
  part.shape = SolidShape::cylinder;
  for (const int leg : {-1, 1}) {
    part.center_m = {x + leg * stride, y + leg * 0.1, height * 0.24 + kSidewalkHeight_m};
    part.half_m = {0.08, 0.08, height * 0.24};
    out->push_back(part);
  }
}

void add_still_objects(std::uint64_t seed, std::int64_t cell, std::vector<Solid>* out) {
  const double start = static_cast<double>(cell) * kCell_m;
  CounterRng buildings(seed, kBuildings, static_cast<std::uint64_t>(cell));
  CounterRng furniture(seed, kFurniture, static_cast<std::uint64_t>(cell));
  CounterRng parked(seed, kParked, static_cast<std::uint64_t>(cell));
  int slot = 2;
  for (const int side : {-1, 1}) {
    add_building(&buildings, cell, side, out);
    for (int i = 0; i < 2; ++i, ++slot) {  // a tree or a pole every six metres, or nothing
      const double x = start + (i + furniture.uniform(0.2, 0.8)) * kCell_m / 2;
      const double y = side * furniture.uniform(5.6, 6.4);
      const double kind = furniture.uniform();
      if (kind < 0.40) add_tree(&furniture, x, y, instance_of(cell, slot), out);
      if (kind > 0.62) add_pole(&furniture, x, y, instance_of(cell, slot), out);
    }
    for (int i = 0; i < 2; ++i, ++slot) {  // parked along the kerb
      const double x = start + (i + 0.5) * kCell_m / 2 + parked.uniform(-0.4, 0.4);
      if (parked.chance(0.42)) add_car(&parked, x, side * 4.0, instance_of(cell, slot), out);
    }
  }
}

// Slots of one object each, `spacing_m` long, that travel along the street with the lane.
struct Lane {
  Stream stream;
  double y_m;
  double speed_m_s;
  double spacing_m;
  double occupied;
};
constexpr std::array kLanes = {
    Lane{kTraffic, 1.8, 10.0, 24.0, 0.5},  Lane{kTraffic, -1.8, -9.0, 24.0, 0.55},
    Lane{kWalkers, 7.4, 1.2, 7.0, 0.45},   Lane{kWalkers, -7.2, -1.4, 7.0, 0.45},
    Lane{kWalkers, 8.2, -1.0, 11.0, 0.35}, Lane{kWalkers, -8.0, 1.3, 11.0, 0.35}};

void add_lane(std::uint64_t seed, int number, double time_s, double scanner_x, double range_m,
              std::vector<Solid>* out) {
  const Lane& lane = kLanes[static_cast<std::size_t>(number)];
  const double shift = lane.speed_m_s * time_s;
  const auto first =
      static_cast<std::int64_t>(std::floor((scanner_x - range_m - shift) / lane.spacing_m));
  const auto last =
      static_cast<std::int64_t>(std::floor((scanner_x + range_m - shift) / lane.spacing_m));
  for (std::int64_t slot = first; slot <= last; ++slot) {
    CounterRng rng(seed, lane.stream, static_cast<std::uint64_t>(slot * 16 + number));
    if (!rng.chance(lane.occupied)) continue;
    const double x = (static_cast<double>(slot) + rng.uniform(0.3, 0.7)) * lane.spacing_m + shift;
    const double y = lane.y_m + rng.uniform(-0.3, 0.3);
    const std::int32_t instance = instance_of(slot, 40 + number);
    if (lane.stream == kTraffic) {
      // The scanner's own car fills its lane: nobody stands within six metres of it.
      if (lane.y_m < 0 || std::abs(x - scanner_x) > 6.0) add_car(&rng, x, y, instance, out);
    } else {
      const double phase = x * 1.4 - std::floor(x * 1.4);  // a step every 0.7 m
      add_pedestrian(&rng, x, y, 0.25 * std::abs(phase - 0.5), instance, out);
    }
  }
}

}  // namespace

std::array<double, 3> scanner_position_m(std::int64_t frame) {
  return {static_cast<double>(frame) * kFrame_s * kScannerSpeed_m_s, 1.5, kScannerHeight_m};
}

std::vector<Solid> street_solids(std::uint64_t seed, std::int64_t frame, double range_m) {
  const double x = scanner_position_m(frame)[0];
  std::vector<Solid> solids;
  const auto first = static_cast<std::int64_t>(std::floor((x - range_m) / kCell_m));
  const auto last = static_cast<std::int64_t>(std::floor((x + range_m) / kCell_m));
  for (std::int64_t cell = first; cell <= last; ++cell) add_still_objects(seed, cell, &solids);
  for (int lane = 0; lane < static_cast<int>(kLanes.size()); ++lane) {
    add_lane(seed, lane, static_cast<double>(frame) * kFrame_s, x, range_m, &solids);
  }
  return solids;
}

}  // namespace gavotte::internal
