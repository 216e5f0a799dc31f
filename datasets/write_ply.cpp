// Binary little-endian PLY with every channel, colours as bytes, labels as int.
#include "check.h"
#include "fields.h"
#include "file_bytes.h"
#include "formats.h"
#include "gavotte/datasets/writers.h"

namespace gavotte {
namespace internal {

std::string encode_ply(const PointCloud& cloud) {
  cloud.validate();
  const ColorColumns color(cloud);
  const int channels = static_cast<int>(cloud.channels.size());
  std::string out = "ply\nformat binary_little_endian 1.0\nelement vertex " +
                    std::to_string(cloud.size()) +
                    "\nproperty float x\nproperty float y\nproperty float z\n";
  for (int c = 0; c < channels; ++c) {
    if (!color.has(c))
      out += "property float " + cloud.channels[static_cast<std::size_t>(c)] + "\n";
  }
  if (color) out += "property uchar red\nproperty uchar green\nproperty uchar blue\n";
  if (!cloud.labels.empty()) out += "property int label\n";
  if (!cloud.instances.empty()) out += "property int instance\n";
  out += "end_header\n";
  for (std::int64_t i = 0; i < cloud.size(); ++i) {
    const float* row = cloud.row(i);
    append_values(cloud, color, i, &out);
    if (color) {
      for (const int c : {color.r, color.g, color.b}) append(&out, color_byte(row[3 + c]));
    }
    append_labels(cloud, i, &out);
  }
  return out;
}

}  // namespace internal

void write_labelled_ply(const std::filesystem::path& path, const PointsView& points,
                        std::span<const std::int32_t> labels, const Palette& palette) {
  points.validate();
  GAVOTTE_CHECK(static_cast<std::int64_t>(labels.size()) == points.count,
                path.string() + ": expected " + std::to_string(points.count) + " labels, given " +
                    std::to_string(labels.size()));
  PointCloud cloud;
  cloud.channels = {"r", "g", "b"};
  cloud.labels.assign(labels.begin(), labels.end());
  cloud.rows.reserve(labels.size() * 6);
  for (std::int64_t i = 0; i < points.count; ++i) {
    for (const float value : internal::position_of(points, i)) cloud.rows.push_back(value);
    for (const std::uint8_t value : palette.color(labels[static_cast<std::size_t>(i)])) {
      cloud.rows.push_back(static_cast<float>(value) / 255.0f);
    }
  }
  internal::write_file(path, internal::as_bytes(internal::encode_ply(cloud)));
}

}  // namespace gavotte
