// How a cloud's columns are stored in formats with named fields.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "file_bytes.h"
#include "gavotte/points.h"

namespace gavotte::internal {

/// Columns of r, g, b among the channels; valid where all three are there.
struct ColorColumns {
  int r = -1, g = -1, b = -1;
  explicit ColorColumns(const PointCloud& cloud)
      : r(cloud.channel("r")), g(cloud.channel("g")), b(cloud.channel("b")) {}
  explicit operator bool() const { return r >= 0 && g >= 0 && b >= 0; }
  bool has(int column) const { return *this && (column == r || column == g || column == b); }
};

/// [0, 1] to 0..255; NaN to 0.
inline std::uint8_t color_byte(float value) {
  if (!(value > 0.0f)) return 0;
  return value >= 1.0f ? std::uint8_t{255} : static_cast<std::uint8_t>(std::lround(value * 255.0f));
}

/// Position and channels of point i, colours left out, as float32.
inline void append_values(const PointCloud& cloud, const ColorColumns& color, std::int64_t i,
                          std::string* out) {
  const float* row = cloud.row(i);
  for (int c = -3; c < static_cast<int>(cloud.channels.size()); ++c) {
    if (c < 0 || !color.has(c)) append(out, row[3 + c]);
  }
}

/// Label and instance of point i, where the cloud has them, as int32.
inline void append_labels(const PointCloud& cloud, std::int64_t i, std::string* out) {
  if (!cloud.labels.empty()) append(out, cloud.labels[static_cast<std::size_t>(i)]);
  if (!cloud.instances.empty()) append(out, cloud.instances[static_cast<std::size_t>(i)]);
}

/// x, y, z of point i of a valid view.
inline std::array<float, 3> position_of(const PointsView& points, std::int64_t i) {
  const std::byte* at =
      static_cast<const std::byte*>(points.data) + i * points.stride_bytes + points.xyz_offset;
  std::array<float, 3> position;
  if (points.xyz_dtype == DType::float32) {
    std::memcpy(position.data(), at, sizeof(position));
  } else {
    std::array<double, 3> wide;
    std::memcpy(wide.data(), at, sizeof(wide));
    for (std::size_t a = 0; a < 3; ++a) position[a] = static_cast<float>(wide[a]);
  }
  return position;
}

}  // namespace gavotte::internal
