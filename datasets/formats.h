// One reader and one writer for each format, from and to memory; read_points.cpp and
// write_points.cpp choose among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "gavotte/datasets/readers.h"
#include "gavotte/points.h"

namespace gavotte::internal {

using Bytes = std::span<const std::byte>;

/// float32 records [N, 3 + names.size()].
PointCloud read_records(Bytes bytes, std::vector<std::string> channels, const std::string& source);

/// The formats of Open3D. `file` holds the same bytes, or is empty: then they go through a
/// temporary file.
PointCloud read_through_open3d(Bytes bytes, PointFormat format, const std::filesystem::path& file,
                               const std::string& source);
bool has_open3d() noexcept;

/// Checks of what Open3D's readers trust: throw Error (value) where the header promises more than
/// the bytes hold. Return the number of points.
std::int64_t check_pcd(Bytes bytes, const std::string& source);
std::int64_t check_ply(Bytes bytes, const std::string& source);
std::int64_t check_text(Bytes bytes, PointFormat format, const std::string& source);

std::string encode_records(const PointCloud& cloud, const std::vector<std::string>& channels);
std::string encode_ply(const PointCloud& cloud);
std::string encode_pcd(const PointCloud& cloud);
std::string encode_text(const PointCloud& cloud, PointFormat format);

/// Writes rgb [height, width, 3] as PNG.
void write_png(const std::filesystem::path& path, int width, int height,
               std::span<const std::uint8_t> rgb);

}  // namespace gavotte::internal
