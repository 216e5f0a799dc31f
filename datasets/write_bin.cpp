// KITTI and nuScenes scans, SemanticKITTI labels.
#include "check.h"
#include "file_bytes.h"
#include "formats.h"
#include "gavotte/datasets/writers.h"

namespace gavotte {
namespace internal {

std::string encode_records(const PointCloud& cloud, const std::vector<std::string>& channels) {
  const PointCloud records = cloud.with_channels(channels);
  return std::string(reinterpret_cast<const char*>(records.rows.data()),
                     records.rows.size() * sizeof(float));
}

}  // namespace internal

void write_labels(const std::filesystem::path& path, const PointCloud& cloud) {
  cloud.validate();
  GAVOTTE_CHECK(static_cast<std::int64_t>(cloud.labels.size()) == cloud.size(),
                path.string() + ": expected a cloud with labels, given none");
  std::string out;
  for (std::size_t i = 0; i < cloud.labels.size(); ++i) {
    const std::int32_t label = cloud.labels[i];
    const std::int32_t instance = cloud.instances.empty() ? 0 : cloud.instances[i];
    GAVOTTE_CHECK(label >= 0 && label <= 0xffff && instance >= 0 && instance <= 0xffff,
                  path.string() + ": expected label and instance in [0, 65535], given " +
                      std::to_string(label) + " and " + std::to_string(instance) + " at point " +
                      std::to_string(i));
    internal::append(&out, static_cast<std::uint32_t>(label) | static_cast<std::uint32_t>(instance)
                                                                   << 16);
  }
  internal::write_file(path, internal::as_bytes(out));
}

}  // namespace gavotte
