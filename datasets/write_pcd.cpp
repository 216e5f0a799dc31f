// Binary PCD 0.7 with every channel; colours packed into one unsigned rgb field as PCL does.
#include "fields.h"
#include "file_bytes.h"
#include "formats.h"

namespace gavotte::internal {

std::string encode_pcd(const PointCloud& cloud) {
  cloud.validate();
  const ColorColumns color(cloud);
  const int channels = static_cast<int>(cloud.channels.size());
  std::string fields = "x y z";
  std::string sizes = "4 4 4";
  std::string types = "F F F";
  std::string counts = "1 1 1";
  const auto add = [&](const std::string& field, const char* type) {
    fields += " " + field;
    sizes += " 4";
    types += std::string(" ") + type;
    counts += " 1";
  };
  for (int c = 0; c < channels; ++c) {
    if (!color.has(c)) add(cloud.channels[static_cast<std::size_t>(c)], "F");
  }
  if (color) add("rgb", "U");
  if (!cloud.labels.empty()) add("label", "I");
  if (!cloud.instances.empty()) add("instance", "I");
  const std::string points = std::to_string(cloud.size());
  std::string out = "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS " + fields +
                    "\nSIZE " + sizes + "\nTYPE " + types + "\nCOUNT " + counts + "\nWIDTH " +
                    points + "\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS " + points +
                    "\nDATA binary\n";
  for (std::int64_t i = 0; i < cloud.size(); ++i) {
    const float* row = cloud.row(i);
    append_values(cloud, color, i, &out);
    if (color) {
      append(&out, std::uint32_t{color_byte(row[3 + color.r])} << 16 |
                       std::uint32_t{color_byte(row[3 + color.g])} << 8 |
                       std::uint32_t{color_byte(row[3 + color.b])});
    }
    append_labels(cloud, i, &out);
  }
  return out;
}

}  // namespace gavotte::internal
