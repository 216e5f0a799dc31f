// KITTI and nuScenes scans are bare float32 records; SemanticKITTI labels are bare uint32.
#include <cstring>

#include "check.h"
#include "file_bytes.h"
#include "formats.h"

namespace gavotte {
namespace internal {

PointCloud read_records(Bytes bytes, std::vector<std::string> channels, const std::string& source) {
  const std::size_t record_bytes = (3 + channels.size()) * sizeof(float);
  GAVOTTE_CHECK(!bytes.empty(), source + ": expected points, the file is empty");
  GAVOTTE_CHECK(bytes.size() % record_bytes == 0,
                source + ": expected records of " + std::to_string(record_bytes) +
                    " bytes, given " + std::to_string(bytes.size()) + " bytes in all" +
                    (bytes.size() % 20 == 0 ? " (nuScenes scans end in .pcd.bin)" : ""));
  PointCloud cloud;
  cloud.channels = std::move(channels);
  cloud.rows.resize(bytes.size() / sizeof(float));
  std::memcpy(cloud.rows.data(), bytes.data(), bytes.size());
  return cloud;
}

}  // namespace internal

void read_labels(std::span<const std::byte> bytes, PointCloud* cloud, const std::string& source) {
  const auto count = static_cast<std::size_t>(cloud->size());
  GAVOTTE_CHECK(bytes.size() == count * sizeof(std::uint32_t),
                source + ": expected " + std::to_string(count * sizeof(std::uint32_t)) +
                    " bytes (" + std::to_string(count) + " uint32 labels), given " +
                    std::to_string(bytes.size()));
  cloud->labels.resize(count);
  cloud->instances.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t packed;
    std::memcpy(&packed, bytes.data() + i * sizeof(packed), sizeof(packed));
    cloud->labels[i] = static_cast<std::int32_t>(packed & 0xffffu);
    cloud->instances[i] = static_cast<std::int32_t>(packed >> 16);
  }
}

void read_labels(const std::filesystem::path& path, PointCloud* cloud) {
  read_labels(internal::read_file(path), cloud, path.string());
}

}  // namespace gavotte
