// A PLY file, checked before Open3D reads it: its reader allocates the number of vertices that the header
// promises, and prints what it finds wrong.
#include "check.h"
#include "file_bytes.h"
#include "formats.h"
#include "ply_header.h"

namespace gavotte::internal {

std::int64_t check_ply(Bytes bytes, const std::string& source) {
  GAVOTTE_CHECK(!bytes.empty(), source + ": expected points, the file is empty");
  std::string_view rest = as_text(bytes);
  const PlyHeader header = parse_ply_header(&rest, source);
  std::int64_t points = 0;
  for (const PlyElement& element : header.elements) {
    if (element.name != "vertex") continue;
    for (const std::string_view axis : {"x", "y", "z"}) {
      bool found = false;
      for (const PlyProperty& property : element.properties) found = found || property.name == axis;
      GAVOTTE_CHECK(found, source + ": expected a vertex property " + std::string(axis));
    }
    points = element.count;
  }
  GAVOTTE_CHECK(points > 0, source + ": expected points, the header counts no vertex");
  check_ply_body(header, rest, source);
  return points;
}

}  // namespace gavotte::internal
