// Points of a scan: a view over any strided buffer, and a cloud that owns its points.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gavotte/dtype.h"
#include "gavotte/export.h"

namespace gavotte {

/// Points that lie in someone else's memory, one every `stride_bytes`: a PCL cloud, the data of a
/// PointCloud2 message, an array of structs. Nothing is copied; the address needs no alignment.
///
///     PointsView scan{.data = msg.data.data(), .count = msg.width, .stride_bytes = msg.point_step,
///                     .xyz_offset = 0, .feature_offset = 16, .features = 1};
struct GAVOTTE_API PointsView {
  const void* data = nullptr;        ///< First byte of the first point, in CPU memory.
  std::int64_t count = 0;            ///< Points.
  std::int64_t stride_bytes = 0;     ///< From one point to the next.
  int xyz_offset = 0;                ///< Bytes from a point's start to its x; y and z follow x.
  DType xyz_dtype = DType::float32;  ///< float32 or float64, metres.
  int feature_offset = -1;           ///< Bytes from a point's start to its first feature; -1: none.
  int features = 0;                  ///< Features of a point, one after the other.
  DType feature_dtype = DType::float32;  ///< uint8, int32, int64, float32 or float64.

  /// Throws Error (value or type) where a field reaches past the stride, data is missing, a dtype
  /// cannot be read or the extent passes 2^63 - 1 bytes.
  void validate() const;
};

/// Points with named features and, where the source has them, a label and an instance for each.
/// A row is (x, y, z, features...), so that view() needs no copy. Positions are float32: a cloud
/// far from its origin (map coordinates of hundreds of kilometres) keeps centimetres only, shift it
/// first.
struct GAVOTTE_API PointCloud {
  std::vector<float> rows;            ///< float32 [N, 3 + C]; x, y, z in metres.
  std::vector<std::string> channels;  ///< [C] names of the features: "intensity", "r", "g", "b"...
  std::vector<std::int32_t> labels;   ///< [N] class of each point, or empty.
  std::vector<std::int32_t> instances;  ///< [N] object of each point, or empty.

  std::int64_t size() const noexcept;
  /// Floats of a row, 3 + C.
  std::int64_t row_floats() const noexcept {
    return 3 + static_cast<std::int64_t>(channels.size());
  }
  const float* row(std::int64_t point) const noexcept { return rows.data() + point * row_floats(); }
  float* row(std::int64_t point) noexcept { return rows.data() + point * row_floats(); }
  /// Column of the named feature among the features, or -1.
  int channel(std::string_view name) const noexcept;

  /// The points with all C channels as features.
  PointsView view() const;
  /// The points with (x, y, z, channels...) as 3 + C features.
  PointsView view_with_xyz() const;
  /// A copy whose features are exactly `names`; one that the cloud lacks is filled with `missing`.
  PointCloud with_channels(const std::vector<std::string>& names, float missing = 0.0f) const;

  /// Throws Error (value) where the sizes of the members disagree.
  void validate() const;
  /// "PointCloud(62271 points, channels: intensity, labels)".
  std::string to_string() const;
};

}  // namespace gavotte
