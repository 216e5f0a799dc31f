// Point-cloud files as users have them. A broken file is an Error of one line that names the file,
// what was expected and what was found; nothing is allocated that the file's size does not justify.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "gavotte/export.h"
#include "gavotte/points.h"

namespace gavotte {

enum class PointFormat {
  kitti,     ///< .bin: float32 x, y, z, intensity; labels of SemanticKITTI beside it.
  nuscenes,  ///< .pcd.bin: float32 x, y, z, intensity, ring.
  ply,       ///< Through Open3D, as all below.
  pcd,  ///< ascii, binary and binary_compressed; rgb and rgba unpacked; intensity and other fields.
  xyz,
  xyzn,
  xyzrgb,
  pts,
};

/// "kitti", "nuscenes", "ply"...
GAVOTTE_API std::string_view name(PointFormat format) noexcept;

/// True where this build can read the format: Open3D's formats need the option GAVOTTE_WITH_OPEN3D.
GAVOTTE_API bool can_read(PointFormat format) noexcept;

/// The format that the file's name says, and where it says none, the file's first bytes (PLY and
/// PCD). Throws Error that lists the known endings.
GAVOTTE_API PointFormat point_format(const std::filesystem::path& path);

/// Reads a cloud; the format is point_format(path).
/// Channels: "intensity" and "ring" as stored; colours as "r", "g", "b" in [0, 1]; normals as "nx",
/// "ny", "nz"; other numeric fields under their own names. The fields "label" and "instance" become
/// labels and instances. For STEM.bin the labels are read from STEM.label beside it, or from
/// ../labels/STEM.label as SemanticKITTI lays them, where there is such a file.
/// Points with NaN are kept: the voxeliser drops and counts them.
/// Throws Error (runtime) where the file cannot be opened, Error (value) where its content is
/// broken or holds no points, Error (runtime) naming GAVOTTE_WITH_OPEN3D where this build lacks the
/// reader.
GAVOTTE_API PointCloud read_points(const std::filesystem::path& path);

/// The same from memory; `source` names the bytes in messages.
GAVOTTE_API PointCloud read_points(std::span<const std::byte> bytes, PointFormat format,
                                   const std::string& source = "memory");

/// Reads SemanticKITTI labels, uint32 each: low 16 bits the class, high 16 bits the instance, into
/// cloud->labels and cloud->instances. Throws Error where their number is not cloud->size().
GAVOTTE_API void read_labels(const std::filesystem::path& path, PointCloud* cloud);
GAVOTTE_API void read_labels(std::span<const std::byte> bytes, PointCloud* cloud,
                             const std::string& source = "memory");

}  // namespace gavotte
