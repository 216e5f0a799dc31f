// Procedural scenes: a seed in, a cloud out. A scene is the same on every run and number of
// threads; its random numbers are the same on every platform.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gavotte/datasets/palette.h"
#include "gavotte/export.h"
#include "gavotte/points.h"

namespace gavotte {

/// Labels of lidar_street(), in the order of Palette::street().
enum class StreetLabel : std::int32_t {
  unlabelled,
  road,
  sidewalk,
  building,
  car,
  pole,
  tree,
  pedestrian
};

struct GAVOTTE_API StreetOptions {
  std::uint64_t seed = 1;
  std::int64_t frame =
      0;                ///< 10 frames a second: the scanner drives along the street, others move.
  int azimuths = 1100;  ///< Directions of one turn; 64 beams each.
  float max_range_m = 80.0f;
  float range_noise_m = 0.02f;  ///< Standard deviation.
};

/// One turn of a 64-beam scanner (+2 to -24.8 degrees, 1.73 m above the road) in a street, in the
/// scanner's frame: x ahead, y left, z up. Channel "intensity" in [0, 1]; labels are StreetLabel,
/// instances number the objects and stay with them over the frames. Beams from top to bottom,
/// azimuths within a beam.
GAVOTTE_API PointCloud lidar_street(const StreetOptions& options = {});

/// Labels of room(), in the order of Palette::room().
enum class RoomLabel : std::int32_t {
  unlabelled,
  floor,
  wall,
  ceiling,
  table,
  chair,
  shelf,
  clutter
};

struct GAVOTTE_API RoomOptions {
  std::uint64_t seed = 1;
  float points_per_m2 = 6000.0f;
  float noise_m = 0.003f;  ///< Standard deviation across the surface.
};

/// A furnished room as a depth camera's fused scan sees it: points on every surface, channels r, g,
/// b in [0, 1], labels RoomLabel.
GAVOTTE_API PointCloud room(const RoomOptions& options = {});

/// `count` distinct voxels of 1 m, uniform in [0, c]^3 with c = ceil((count / 0.2)^(1/3)), one
/// point in the middle of each. Channel "intensity" in [0, 1).
GAVOTTE_API PointCloud random_voxels(std::int64_t count, std::uint64_t seed = 1);

/// The voxels of 1 m that a sphere's surface, `thickness` voxels thick, fills in a grid of
/// resolution^3: one point in the middle of each. Channel "intensity" in [0, 1), from the seed.
/// Resolution 8 to 4096.
GAVOTTE_API PointCloud sphere_shell(int resolution, float thickness = 2.0f, std::uint64_t seed = 1);

struct GAVOTTE_API SceneOptions {
  std::uint64_t seed = 1;
  std::int64_t frame = 0;  ///< lidar only.
  /// lidar: azimuths (1100); random: voxels (100000); shell: resolution (256); room: none. 0 = the default.
  std::int64_t size = 0;
};

/// "lidar", "random", "room", "shell".
GAVOTTE_API std::vector<std::string> scene_names();

/// The scene of that name; throws Error that lists the names.
GAVOTTE_API PointCloud make_scene(std::string_view name, const SceneOptions& options = {});

/// The voxel size that the scene is made for: 0.1 m for lidar, 0.02 m for room, 1 m for the others.
GAVOTTE_API double scene_voxel_size_m(std::string_view name);

/// The palette of the scene's labels; one class where it has none.
GAVOTTE_API Palette scene_palette(std::string_view name);

}  // namespace gavotte
