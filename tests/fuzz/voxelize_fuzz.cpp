// Any bytes as the message of a sensor: a header of view and options, then the points. Either an
// Error, or voxels whose parts agree.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "gavotte/error.h"
#include "gavotte/voxelize.h"

namespace {

struct Header {
  std::int32_t xyz_offset;
  std::int32_t feature_offset;
  float voxel_size_m[3];
  float origin_m;
  std::uint16_t stride_bytes;
  std::uint8_t features;
  std::uint8_t choices;  // bits: 0-1 reduce, 2 float64 points, 3-5 dtype of features, 6 a range
};

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const gavotte::Voxels& voxels, std::int64_t points) {
  require(voxels.points() == points);
  require(voxels.features.rows() == voxels.size());
  const std::int64_t dropped =
      voxels.dropped_nonfinite + voxels.dropped_out_of_range + voxels.dropped_out_of_int32;
  std::int64_t missing = 0;
  for (const std::int32_t row : voxels.inverse.span<std::int32_t>()) {
    require(row >= -1 && row < voxels.size());
    missing += row == -1 ? 1 : 0;
  }
  require(missing == dropped);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Header header;
  if (size < sizeof(header)) return 0;
  std::memcpy(&header, data, sizeof(header));
  const std::size_t stride = header.stride_bytes;
  const std::size_t bytes = size - sizeof(header);
  const gavotte::PointsView view{
      .data = data + sizeof(header),
      .count = static_cast<std::int64_t>(stride > 0 ? bytes / stride : 0),
      .stride_bytes = static_cast<std::int64_t>(stride),
      .xyz_offset = header.xyz_offset,
      .xyz_dtype = (header.choices & 4) != 0 ? gavotte::DType::float64 : gavotte::DType::float32,
      .feature_offset = header.feature_offset,
      .features = header.features,
      .feature_dtype = static_cast<gavotte::DType>(((header.choices >> 3) & 7) % 7)};
  gavotte::VoxelizeOptions options;
  std::copy_n(header.voxel_size_m, 3, options.voxel_size_m.begin());
  options.origin_m.fill(header.origin_m);
  options.reduce = static_cast<gavotte::Reduce>(header.choices & 3);
  if ((header.choices & 64) != 0) options.range = {{-10, -10, -10}, {10, 10, 10}};
  try {
    check(gavotte::voxelize(view, options, {.threads = 1}), view.count);
  } catch (const gavotte::Error&) {
    // Refused with a message: what bad input is for.
  }
  return 0;
}
