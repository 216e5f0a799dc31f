// Small scans and networks that the tests of the command write for themselves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/process.h"

namespace gavotte::test {

/// float32 values as bytes.
std::string bytes_of(const std::vector<float>& values);

/// A KITTI scan: `count` points within 4 m, x, y, z, intensity, from a fixed seed.
std::string kitti_bytes(int count);

/// Two 3x3x3 submanifold layers, 4 channels in, 5 classes out, with class names and a voxel size of
/// 0.2 m.
std::string small_network_bytes();

/// 4 channels in, 5 out at stride 2.
std::string strided_network_bytes();

/// Its file states the features one, z, intensity.
std::string named_features_network_bytes();

/// 4 channels in, one row of 5 out.
std::string pooled_network_bytes();

/// A vertex of a binary PLY that the command wrote.
struct LabelledPly {
  std::int64_t vertices = 0;
  std::vector<std::string> properties;  ///< "float x", ...
  std::vector<std::int32_t> labels;
};
LabelledPly read_labelled_ply(const std::string& path);

}  // namespace gavotte::test
