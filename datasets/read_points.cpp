// Which reader a file goes to.
#include "gavotte/datasets/readers.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "check.h"
#include "file_bytes.h"
#include "formats.h"

namespace gavotte {
namespace {

namespace fs = std::filesystem;

struct Ending {
  std::string_view text;
  PointFormat format;
};
// The longer ending first: .pcd.bin is no .bin.
constexpr std::array kEndings = {
    Ending{".pcd.bin", PointFormat::nuscenes}, Ending{".bin", PointFormat::kitti},
    Ending{".ply", PointFormat::ply},          Ending{".pcd", PointFormat::pcd},
    Ending{".xyz", PointFormat::xyz},          Ending{".xyzn", PointFormat::xyzn},
    Ending{".xyzrgb", PointFormat::xyzrgb},    Ending{".pts", PointFormat::pts}};

std::string lower_name(const fs::path& path) {
  std::string text = path.filename().string();
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// SemanticKITTI: sequences/00/velodyne/000000.bin and sequences/00/labels/000000.label.
fs::path find_labels(const fs::path& scan) {
  fs::path beside = scan;
  beside.replace_extension(".label");
  fs::path sibling = scan.parent_path() / ".." / "labels" / beside.filename();
  std::error_code error;
  if (fs::is_regular_file(beside, error)) return beside;
  if (fs::is_regular_file(sibling, error)) return sibling;
  return {};
}

PointCloud read(std::span<const std::byte> bytes, PointFormat format, const fs::path& file,
                const std::string& source) {
  switch (format) {
    case PointFormat::kitti:
      return internal::read_records(bytes, {"intensity"}, source);
    case PointFormat::nuscenes:
      return internal::read_records(bytes, {"intensity", "ring"}, source);
    default:
      return internal::read_through_open3d(bytes, format, file, source);
  }
}

}  // namespace

std::string_view name(PointFormat format) noexcept {
  switch (format) {
    case PointFormat::kitti:
      return "kitti";
    case PointFormat::nuscenes:
      return "nuscenes";
    case PointFormat::ply:
      return "ply";
    case PointFormat::pcd:
      return "pcd";
    case PointFormat::xyz:
      return "xyz";
    case PointFormat::xyzn:
      return "xyzn";
    case PointFormat::xyzrgb:
      return "xyzrgb";
    case PointFormat::pts:
      return "pts";
  }
  return "unknown";
}

bool can_read(PointFormat format) noexcept {
  return format == PointFormat::kitti || format == PointFormat::nuscenes || internal::has_open3d();
}

PointFormat point_format(const fs::path& path) {
  const std::string file = lower_name(path);
  for (const Ending& ending : kEndings) {
    if (file.ends_with(ending.text)) return ending.format;
  }
  std::array<char, 64> head = {};
  std::error_code error;
  if (fs::is_regular_file(path, error))
    std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  const std::string_view text(head.data(), head.size());
  if (text.starts_with("ply\n") || text.starts_with("ply\r")) return PointFormat::ply;
  if (text.starts_with("# .PCD") || text.starts_with("VERSION")) return PointFormat::pcd;
  std::string known;
  for (const Ending& ending : kEndings) known += " " + std::string(ending.text);
  GAVOTTE_CHECK(false, path.string() + ": expected a point cloud that ends in one of" + known);
  return PointFormat::kitti;
}

PointCloud read_points(const fs::path& path) {
  const PointFormat format = point_format(path);
  const std::vector<std::byte> bytes = internal::read_file(path);
  PointCloud cloud = read(bytes, format, path, path.string());
  if (format == PointFormat::kitti) {
    if (const fs::path labels = find_labels(path); !labels.empty()) read_labels(labels, &cloud);
  }
  return cloud;
}

PointCloud read_points(std::span<const std::byte> bytes, PointFormat format,
                       const std::string& source) {
  return read(bytes, format, {}, source);
}

}  // namespace gavotte
