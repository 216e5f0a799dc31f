// Uses the component datasets of the installed package: a scene, made into voxels.
#include <cstdio>

#include "gavotte/datasets/scenes.h"
#include "gavotte/voxelize.h"

int main() {
  const gavotte::PointCloud cloud = gavotte::random_voxels(100);
  const gavotte::Voxels voxels = gavotte::voxelize(cloud.view(), {.voxel_size_m = {1, 1, 1}});
  std::printf("%s\n", voxels.to_string().c_str());
  return voxels.size() == 100 ? 0 : 1;
}
