// Stands in for open3d_io.cpp where the library is built without Open3D.
#include "check.h"
#include "formats.h"

namespace gavotte::internal {

bool has_open3d() noexcept { return false; }

PointCloud read_through_open3d(Bytes, PointFormat format, const std::filesystem::path&,
                               const std::string& source) {
  GAVOTTE_CHECK_RUNTIME(false, source + ": reading " + std::string(name(format)) +
                                   " needs a build with -DGAVOTTE_WITH_OPEN3D=ON (libopen3d-dev)");
  return {};
}

void write_png(const std::filesystem::path& path, int, int, std::span<const std::uint8_t>) {
  GAVOTTE_CHECK_RUNTIME(
      false,
      path.string() + ": writing PNG needs a build with -DGAVOTTE_WITH_OPEN3D=ON (libopen3d-dev)");
}

}  // namespace gavotte::internal
