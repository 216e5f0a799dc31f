// Scenes by name.
#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "check.h"
#include "gavotte/datasets/scenes.h"

namespace gavotte {
namespace {

struct Scene {
  std::string_view name;
  double voxel_size_m;
  Palette (*palette)();
  PointCloud (*make)(const SceneOptions&);
};

Palette one_class() { return Palette::distinct(1); }

PointCloud make_lidar(const SceneOptions& options) {
  StreetOptions lidar{.seed = options.seed, .frame = options.frame};
  if (options.size != 0)  // what no int holds no scanner has
    lidar.azimuths = static_cast<int>(
        std::clamp<std::int64_t>(options.size, -1, std::numeric_limits<int>::max()));
  return lidar_street(lidar);
}
PointCloud make_random(const SceneOptions& options) {
  return random_voxels(options.size == 0 ? 100'000 : options.size, options.seed);
}
PointCloud make_room(const SceneOptions& options) {
  GAVOTTE_CHECK(options.size == 0,
                "scene room: expected no size, given " + std::to_string(options.size));
  return room({.seed = options.seed});
}
PointCloud make_shell(const SceneOptions& options) {
  GAVOTTE_CHECK(
      options.size >= 0 && options.size <= 4096,
      "scene shell: expected a resolution in [8, 4096], given " + std::to_string(options.size));
  return sphere_shell(options.size == 0 ? 256 : static_cast<int>(options.size), 2.0f, options.seed);
}

constexpr std::array kScenes = {Scene{"lidar", 0.1, &Palette::street, &make_lidar},
                                Scene{"random", 1.0, &one_class, &make_random},
                                Scene{"room", 0.02, &Palette::room, &make_room},
                                Scene{"shell", 1.0, &one_class, &make_shell}};

const Scene& find_scene(std::string_view name) {
  std::string known;
  for (const Scene& scene : kScenes) {
    if (scene.name == name) return scene;
    known += (known.empty() ? "" : ", ") + std::string(scene.name);
  }
  GAVOTTE_CHECK(false, "expected a scene of " + known + ", given '" + std::string(name) + "'");
  return kScenes[0];
}

}  // namespace

std::vector<std::string> scene_names() {
  std::vector<std::string> names;
  names.reserve(std::size(kScenes));
  for (const Scene& scene : kScenes) names.emplace_back(scene.name);
  return names;
}

PointCloud make_scene(std::string_view name, const SceneOptions& options) {
  return find_scene(name).make(options);
}

double scene_voxel_size_m(std::string_view name) { return find_scene(name).voxel_size_m; }

Palette scene_palette(std::string_view name) { return find_scene(name).palette(); }

}  // namespace gavotte
