// Scenes repeat from their seed and look as they are described.
#include "gavotte/datasets/scenes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "gavotte/error.h"
#include "gavotte/voxelize.h"

namespace gavotte {
namespace {

std::map<std::int32_t, int> label_counts(const PointCloud& cloud) {
  std::map<std::int32_t, int> counts;
  for (const std::int32_t label : cloud.labels) ++counts[label];
  return counts;
}

TEST(Scenes, SeedsRepeatAndDiffer) {
  for (const std::string& name : scene_names()) {
    const SceneOptions options{.seed = 3,
                               .size = name == "shell"    ? 64
                                       : name == "random" ? 1000
                                                          : 0};
    const PointCloud cloud = make_scene(name, options);
    cloud.validate();
    EXPECT_GT(cloud.size(), 900) << name;
    const PointCloud again = make_scene(name, options);
    EXPECT_EQ(cloud.rows, again.rows) << name;
    EXPECT_EQ(cloud.labels, again.labels) << name;
    SceneOptions other = options;
    other.seed = 4;
    EXPECT_NE(cloud.rows, make_scene(name, other).rows) << name;
    const auto classes = static_cast<std::int32_t>(scene_palette(name).size());
    for (const auto& [label, count] : label_counts(cloud)) {
      EXPECT_TRUE(label > 0 && label < classes) << name << ": " << count << " of label " << label;
    }
  }
}

TEST(Scenes, IllegalOptionsAreErrors) {
  try {
    make_scene("moon");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("lidar, random, room, shell"), std::string::npos);
  }
  EXPECT_THROW(scene_voxel_size_m(""), Error);
  EXPECT_THROW(make_scene("shell", {.size = -1}), Error);
  EXPECT_THROW(make_scene("shell", {.size = (std::int64_t{1} << 32) + 64}), Error);
  EXPECT_THROW(make_scene("random", {.size = -1}), Error);
  EXPECT_THROW(make_scene("lidar", {.frame = -1}), Error);
  EXPECT_THROW(random_voxels(0), Error);
  EXPECT_THROW(room({.points_per_m2 = 0.0f}), Error);
}

TEST(LidarStreet, HasEveryClassAndTheUsualSize) {
  const PointCloud cloud = lidar_street();
  EXPECT_GT(cloud.size(), 50'000);
  EXPECT_LT(cloud.size(), 75'000);
  const auto counts = label_counts(cloud);
  for (std::int32_t label = 1; label < 8; ++label) EXPECT_TRUE(counts.contains(label)) << label;
  EXPECT_FALSE(counts.contains(0));
  const Voxels voxels = voxelize(cloud.view(), {.voxel_size_m = {0.1f, 0.1f, 0.1f}});
  EXPECT_GT(voxels.size(), 28'000);
  EXPECT_LT(voxels.size(), 45'000);
}

TEST(LidarStreet, PointsLieOnBeamsWithinRange) {
  const PointCloud cloud = lidar_street({.azimuths = 50, .max_range_m = 40.0f});
  std::set<int> beams;
  for (std::int64_t i = 0; i < cloud.size(); ++i) {
    const float* p = cloud.row(i);
    const double flat = std::hypot(double{p[0]}, double{p[1]});
    EXPECT_LT(std::hypot(flat, double{p[2]}), 40.2);
    const double elevation = std::atan2(double{p[2]}, flat) * 180.0 / 3.141592653589793;
    const double beam = (2.0 - elevation) / 26.8 * 63.0;
    EXPECT_NEAR(beam, std::round(beam), 1e-3);
    beams.insert(static_cast<int>(std::round(beam)));
    EXPECT_TRUE(p[3] >= 0.0f && p[3] <= 1.0f);
  }
  EXPECT_GT(beams.size(), 55u);
}

TEST(LidarStreet, RoadIsFlatWithoutNoise) {
  const PointCloud cloud = lidar_street({.azimuths = 60, .range_noise_m = 0.0f});
  int found = 0;
  for (std::int64_t i = 0; i < cloud.size(); ++i) {
    if (cloud.labels[static_cast<std::size_t>(i)] != static_cast<std::int32_t>(StreetLabel::road))
      continue;
    EXPECT_NEAR(cloud.row(i)[2], -1.73f, 1e-4f);
    ++found;
  }
  EXPECT_GT(found, 500);
}

// Mean x of each instance of the label that at least 20 points show.
std::map<std::int32_t, double> mean_x(const PointCloud& cloud, StreetLabel label) {
  std::map<std::int32_t, std::pair<double, int>> sums;
  for (std::int64_t i = 0; i < cloud.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (cloud.labels[at] != static_cast<std::int32_t>(label)) continue;
    auto& [sum, count] = sums[cloud.instances[at]];
    sum += double{cloud.row(i)[0]};
    ++count;
  }
  std::map<std::int32_t, double> means;
  for (const auto& [instance, value] : sums) {
    if (value.second >= 20) means[instance] = value.first / value.second;
  }
  return means;
}

TEST(LidarStreet, StillObjectsSlideBackAsTheScannerDrives) {
  const auto before = mean_x(lidar_street({.frame = 0}), StreetLabel::pole);
  const auto after = mean_x(lidar_street({.frame = 5}), StreetLabel::pole);
  int followed = 0;
  for (const auto& [instance, x] : before) {
    const auto found = after.find(instance);
    if (found == after.end()) continue;
    EXPECT_NEAR(x - found->second, 4.0, 0.3);  // 8 m/s for 0.5 s
    ++followed;
  }
  EXPECT_GT(followed, 1);
}

TEST(RandomVoxels, AreDistinctInTheCube) {
  for (const std::int64_t count : {1, 2, 50, 20'000}) {
    const PointCloud cloud = random_voxels(count, 5);
    ASSERT_EQ(cloud.size(), count);
    EXPECT_EQ(voxelize(cloud.view(), {.voxel_size_m = {1, 1, 1}}).size(), count);
    const double c = std::ceil(std::cbrt(static_cast<double>(count) / 0.2) - 1e-9);
    for (std::int64_t i = 0; i < count; ++i) {
      for (int a = 0; a < 3; ++a)
        EXPECT_TRUE(cloud.row(i)[a] >= 0.5f && cloud.row(i)[a] <= c + 0.5);
    }
  }
}

TEST(SphereShell, FillsTheCellsNearTheSurface) {
  constexpr int kResolution = 40;
  const PointCloud cloud = sphere_shell(kResolution, 2.0f, 1);
  std::set<std::array<int, 3>> cells;
  for (std::int64_t i = 0; i < cloud.size(); ++i) {
    const float* p = cloud.row(i);
    cells.insert({static_cast<int>(p[0]), static_cast<int>(p[1]), static_cast<int>(p[2])});
  }
  EXPECT_EQ(static_cast<std::int64_t>(cells.size()), cloud.size());
  std::int64_t expected = 0;
  for (int x = 0; x < kResolution; ++x) {
    for (int y = 0; y < kResolution; ++y) {
      for (int z = 0; z < kResolution; ++z) {
        const double distance = std::hypot(x + 0.5 - 20.0, y + 0.5 - 20.0, z + 0.5 - 20.0);
        if (distance > 19.0 || distance < 17.0) continue;
        ++expected;
        EXPECT_TRUE(cells.contains({x, y, z})) << x << " " << y << " " << z;
      }
    }
  }
  EXPECT_EQ(cloud.size(), expected);
}

TEST(Room, HasEveryClassInsideItsWalls) {
  const PointCloud cloud = room({.points_per_m2 = 200.0f});
  const auto counts = label_counts(cloud);
  for (std::int32_t label = 1; label < 8; ++label) EXPECT_TRUE(counts.contains(label)) << label;
  for (std::int64_t i = 0; i < cloud.size(); ++i) {
    const float* p = cloud.row(i);
    EXPECT_TRUE(p[0] > -0.1f && p[0] < 6.6f && p[1] > -0.1f && p[1] < 5.6f && p[2] > -0.1f &&
                p[2] < 3.1f);
    for (int c = 3; c < 6; ++c) EXPECT_TRUE(p[c] >= 0.0f && p[c] <= 1.0f);
  }
}

}  // namespace
}  // namespace gavotte
