// XYZ, XYZN, XYZRGB and PTS: one point a line, the shortest digits that read back to the same
// float.
#include <charconv>

#include "fields.h"
#include "formats.h"

namespace gavotte::internal {
namespace {

void append_number(std::string* out, float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, end);
}

}  // namespace

std::string encode_text(const PointCloud& cloud, PointFormat format) {
  const bool pts = format == PointFormat::pts;
  std::vector<std::string> channels;
  if (format == PointFormat::xyzn) channels = {"nx", "ny", "nz"};
  if (format == PointFormat::xyzrgb) channels = {"r", "g", "b"};
  const bool colored = static_cast<bool>(ColorColumns(cloud));
  if (pts) {  // x y z [intensity [r g b]]
    if (colored || cloud.channel("intensity") >= 0) channels = {"intensity"};
    if (colored) channels.insert(channels.end(), {"r", "g", "b"});
  }
  const PointCloud rows = cloud.with_channels(channels);
  const std::int64_t width = rows.row_floats();
  std::string out = pts ? std::to_string(rows.size()) + "\n" : std::string();
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const float* row = rows.row(i);
    for (std::int64_t c = 0; c < width; ++c) {
      if (c > 0) out += ' ';
      if (pts && c >= 4) {
        out += std::to_string(color_byte(row[c]));
      } else {
        append_number(&out, row[c]);
      }
    }
    out += '\n';
  }
  return out;
}

}  // namespace gavotte::internal
