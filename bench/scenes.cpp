#include "scenes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <utility>

#include "check.h"
#include "gavotte/datasets/scenes.h"
#include "gavotte/voxelize.h"

namespace gavotte::bench {

namespace {

constexpr std::uint64_t kSeed = 1;

PointCloud make_cloud(std::string_view kind, std::int64_t size) {
  if (kind == "random") return random_voxels(size, kSeed);
  if (kind == "sphere") return sphere_shell(static_cast<int>(size), 2.0F, kSeed);
  if (kind == "lidar") return lidar_street({.seed = kSeed});
  if (kind == "room") return room({.seed = kSeed});
  GAVOTTE_CHECK(false, "expected a scene random_N, lidar_C, room_C or sphere_R; got '" +
                           std::string(kind) + "_" + std::to_string(size) + "'");
  return {};
}

/// Fisher-Yates on rows; std::shuffle may differ between standard libraries.
void shuffle_rows(Tensor& coordinates) {
  const auto values = coordinates.span<std::int32_t>();
  std::mt19937_64 random(kSeed);
  for (std::int64_t i = coordinates.rows() - 1; i > 0; --i) {
    const auto j =
        static_cast<std::int64_t>(random() % (static_cast<std::uint64_t>(i) + 1));  // bias: 2^-40
    std::swap_ranges(values.begin() + 4 * i, values.begin() + 4 * i + 4, values.begin() + 4 * j);
  }
}

}  // namespace

std::vector<std::string> scene_names(SceneSet set) {
  if (set == SceneSet::tiny) return {"random_2000", "sphere_32"};
  std::vector<std::string> names = {"random_50000",   "random_100000", "random_500000",
                                    "random_1000000", "lidar_5",       "lidar_10",
                                    "room_2",         "room_5",        "sphere_256"};
  if (set == SceneSet::all) names.insert(names.end(), {"random_5000000", "sphere_1024"});
  return names;
}

Scene make_scene(std::string_view name, RowOrder order) {
  const std::size_t cut = std::min(name.find('_'), name.size());
  const std::string_view kind = name.substr(0, cut);
  std::int64_t size = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(std::min(name.data() + cut + 1, end), end, size);
  GAVOTTE_CHECK(parsed.ec == std::errc() && parsed.ptr == end && size > 0,
                "expected a scene random_N, lidar_C, room_C or sphere_R, a number above 0; got '" +
                    std::string(name) + "'");
  PointCloud cloud = make_cloud(kind, size);
  const bool in_centimetres = kind == "lidar" || kind == "room";
  const double voxel_size_m = in_centimetres ? static_cast<double>(size) / 100 : 1.0;
  VoxelizeOptions options;
  options.voxel_size_m = {voxel_size_m, voxel_size_m, voxel_size_m};
  Tensor coordinates = voxelize(cloud.view(), options).coordinates;
  Scene scene{std::string(name), std::move(coordinates), std::move(cloud), voxel_size_m};
  if (order == RowOrder::shuffled) shuffle_rows(scene.coordinates);
  return scene;
}

Tensor filled(Shape shape) {
  Tensor tensor(DType::float32, shape);
  std::uint32_t state = 1;
  for (float& value : tensor.span<float>()) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) * 0x1p-23F - 1.0F;
  }
  return tensor;
}

}  // namespace gavotte::bench
