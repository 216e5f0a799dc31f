// Which writer a cloud goes to.
#include "check.h"
#include "file_bytes.h"
#include "formats.h"
#include "gavotte/datasets/writers.h"

namespace gavotte {

void write_points(const std::filesystem::path& path, const PointCloud& cloud) {
  cloud.validate();
  const PointFormat format = point_format(path);
  const auto encode = [&]() -> std::string {
    switch (format) {
      case PointFormat::kitti:
        return internal::encode_records(cloud, {"intensity"});
      case PointFormat::nuscenes:
        return internal::encode_records(cloud, {"intensity", "ring"});
      case PointFormat::ply:
        return internal::encode_ply(cloud);
      case PointFormat::pcd:
        return internal::encode_pcd(cloud);
      default:
        return internal::encode_text(cloud, format);
    }
  };
  internal::write_file(path, internal::as_bytes(encode()));
  if (format == PointFormat::kitti && !cloud.labels.empty()) {
    std::filesystem::path labels = path;
    write_labels(labels.replace_extension(".label"), cloud);
  }
}

}  // namespace gavotte
