// The scenes of the benchmark: voxels of the procedural clouds, from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gavotte/points.h"
#include "gavotte/tensor.h"

namespace gavotte::bench {

struct Scene {
  std::string name;
  Tensor coordinates;   ///< int32 [N, 4], distinct.
  PointCloud points;    ///< What they are the voxels of,
  double voxel_size_m;  ///< of this edge.
};

/// shuffled: as a user may bring them. key: as the Executor and the library's own sets have them.
enum class RowOrder { shuffled, key };

/// How large a set of scenes is measured: tiny ones for a quick look, the usual, or all with the
/// slow ones (random_5000000, sphere_1024) as well.
enum class SceneSet { tiny, usual, all };

std::vector<std::string> scene_names(SceneSet set);

/// random_N: N voxels, 20 % of their cube. lidar_C, room_C: voxels of C centimetres. sphere_R: a
/// shell in a grid of R^3. Throws Error for another name.
Scene make_scene(std::string_view name, RowOrder order = RowOrder::shuffled);

/// float32 values in [-1, 1] that differ from place to place; what they are does not change the time.
Tensor filled(Shape shape);

}  // namespace gavotte::bench
