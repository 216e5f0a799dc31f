#include "scan_voxels.h"

#include "gavotte/datasets/readers.h"
#include "input_error.h"
#include "point_features.h"

namespace gavotte::cli {

Voxels read_voxels(const RunOptions& options, const Network& network, const std::string& path) {
  const PointCloud scan = with_input(path, [&] { return read_points(path); });
  const auto wanted =
      options.features.empty() ? network.metadata().features : split_list(options.features);
  const PointFeatures features = select_features(scan, wanted, network.input_channels(), path);
  const VoxelizeOptions how = voxelize_options(options, network);
  Voxels voxels = with_input(
      path, [&] { return voxelize(features.cloud.view(), how, {.threads = options.threads}); });
  if (voxels.size() == 0)
    throw InputError(path + ": expected at least one finite point" +
                     (how.range ? " inside --crop" : "") + ", got none");
  return voxels;
}

}  // namespace gavotte::cli
