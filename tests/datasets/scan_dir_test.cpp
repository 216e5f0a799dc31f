// Real scans, where the environment variable GAVOTTE_SCAN_DIR names a folder of them.
#include <cstdlib>

#include "gavotte/voxelize.h"
#include "scratch.h"

namespace gavotte {
namespace {

TEST(ScanDir, EveryScanReadsAndVoxelizes) {
  const char* folder = std::getenv("GAVOTTE_SCAN_DIR");
  if (folder == nullptr) GTEST_SKIP() << "GAVOTTE_SCAN_DIR names no folder";
  int scans = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".pcd" && entry.path().extension() != ".ply") continue;
    SCOPED_TRACE(entry.path());
    const PointCloud cloud = read_points(entry.path());
    EXPECT_TRUE(cloud.channel("r") >= 0 || cloud.channel("intensity") >= 0) << cloud.to_string();
    const Voxels voxels = voxelize(cloud.view(), {.voxel_size_m = {0.02f, 0.02f, 0.02f}});
    EXPECT_GT(voxels.size(), 100);
    EXPECT_LT(voxels.dropped_nonfinite, cloud.size());
    EXPECT_EQ(voxels.dropped_out_of_int32, 0);
    ++scans;
  }
  EXPECT_GT(scans, 0);
}

}  // namespace
}  // namespace gavotte
