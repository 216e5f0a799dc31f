// Everything that touches Open3D: its readers of PLY, PCD and text, its PNG writer. Its readers
// trust what a header says, so the checks in check_*.cpp come first.
#include <open3d/core/Tensor.h>
#include <open3d/io/ImageIO.h>
#include <open3d/io/PointCloudIO.h>
#include <open3d/t/geometry/PointCloud.h>
#include <open3d/t/io/PointCloudIO.h>
#include <open3d/utility/Logging.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>

#include "check.h"
#include "file_bytes.h"
#include "formats.h"

namespace gavotte::internal {
namespace {

namespace o3d = open3d;

// A file that holds the bytes for as long as Open3D, which reads paths only, needs it.
class TemporaryFile {
 public:
  TemporaryFile(Bytes bytes, std::string_view ending) {
    std::string name = (std::filesystem::temp_directory_path() / "gavotte-XXXXXX").string();
    name += ending;
    const int descriptor = mkstemps(name.data(), static_cast<int>(ending.size()));
    GAVOTTE_CHECK_RUNTIME(descriptor >= 0, name + ": cannot create a temporary file");
    close(descriptor);
    path_ = name;
    try {
      write_file(path_, bytes);
    } catch (...) {
      remove();
      throw;
    }
  }
  ~TemporaryFile() { remove(); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  void remove() noexcept {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  std::filesystem::path path_;
};

// Open3D's log level belongs to the process: calls take turns, so that each restores what it found.
template <class Call>
auto quietly(const std::string& source, Call call) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  struct Level {
    o3d::utility::VerbosityLevel before = o3d::utility::GetVerbosityLevel();
    Level() { o3d::utility::SetVerbosityLevel(o3d::utility::VerbosityLevel::Error); }
    ~Level() { o3d::utility::SetVerbosityLevel(before); }
  } const level;
  try {
    return call();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    std::string reason = error.what();
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    throw_error(ErrorKind::value, source + ": Open3D failed: " + reason, __FILE__, __LINE__);
  }
}

struct Column {
  std::string name;
  std::vector<float> values;  // [N]
};

std::vector<float> to_floats(const o3d::core::Tensor& column) {
  return column.To(o3d::core::Float32).Contiguous().ToFlatVector<float>();
}

// Labels must survive float32, so they are read as they are.
bool take_integers(const o3d::core::Tensor& tensor, std::vector<std::int32_t>* out) {
  const std::vector<double> values =
      tensor.To(o3d::core::Float64).Contiguous().ToFlatVector<double>();
  std::vector<std::int32_t> integers;
  for (const double value : values) {
    const bool legal = value >= std::numeric_limits<std::int32_t>::min() &&
                       value <= std::numeric_limits<std::int32_t>::max() &&
                       value == std::floor(value);
    if (!legal) return false;  // not a label after all: stays a channel
    integers.push_back(static_cast<std::int32_t>(value));
  }
  *out = std::move(integers);
  return true;
}

void add_columns(const std::string& name, const o3d::core::Tensor& tensor,
                 std::vector<Column>* columns) {
  const std::int64_t width = tensor.NumDims() == 2 ? tensor.GetShape(1) : 1;
  const std::vector<float> values = to_floats(tensor);
  const bool colors = name == "colors" && width == 3;
  const float scale = colors && tensor.GetDtype() == o3d::core::UInt8    ? 1.0f / 255.0f
                      : colors && tensor.GetDtype() == o3d::core::UInt16 ? 1.0f / 65535.0f
                                                                         : 1.0f;
  const std::vector<std::string> names = colors ? std::vector<std::string>{"r", "g", "b"}
                                         : name == "normals" && width == 3
                                             ? std::vector<std::string>{"nx", "ny", "nz"}
                                             : std::vector<std::string>{};
  for (std::int64_t c = 0; c < width; ++c) {
    Column column;
    column.name = !names.empty() ? names[static_cast<std::size_t>(c)]
                  : width > 1    ? name + "_" + std::to_string(c)
                  : name == "intensities" || name == "scalar_intensity" ? "intensity"
                                                                        : name;
    for (std::size_t i = static_cast<std::size_t>(c); i < values.size();
         i += static_cast<std::size_t>(width)) {
      column.values.push_back(values[i] * scale);
    }
    columns->push_back(std::move(column));
  }
}

PointCloud from_tensors(const o3d::t::geometry::PointCloud& source_cloud,
                        const std::string& source) {
  GAVOTTE_CHECK(source_cloud.HasPointPositions(),
                source + ": expected points with x, y and z, found none");
  const o3d::core::Tensor& positions = source_cloud.GetPointPositions();
  const std::int64_t count = positions.GetLength();
  // Open3D keeps x, y, z under this name and lets a field of the same name replace them.
  GAVOTTE_CHECK(positions.NumDims() == 2 && positions.GetShape(1) == 3,
                source +
                    ": expected three numbers a position, found a field that is itself named "
                    "'positions': rename that field");
  PointCloud cloud;
  std::map<std::string, o3d::core::Tensor> attributes;  // in order of name, so that columns repeat
  for (const auto& [name, tensor] : source_cloud.GetPointAttr()) {
    if (name == "positions" || tensor.GetLength() != count) continue;
    if (name == "label" && take_integers(tensor, &cloud.labels)) continue;
    if (name == "instance" && take_integers(tensor, &cloud.instances)) continue;
    attributes.emplace(name, tensor);
  }
  std::vector<Column> columns;
  for (const auto& [name, tensor] : attributes) add_columns(name, tensor, &columns);
  // intensity first: the channel that most networks ask for.
  std::stable_partition(columns.begin(), columns.end(),
                        [](const Column& column) { return column.name == "intensity"; });
  const std::vector<float> xyz = to_floats(positions);
  for (const Column& column : columns) cloud.channels.push_back(column.name);
  cloud.rows.reserve(static_cast<std::size_t>(count * cloud.row_floats()));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    cloud.rows.insert(cloud.rows.end(), xyz.begin() + static_cast<std::ptrdiff_t>(3 * i),
                      xyz.begin() + static_cast<std::ptrdiff_t>(3 * i + 3));
    for (const Column& column : columns) cloud.rows.push_back(column.values[i]);
  }
  return cloud;
}

PointCloud from_legacy(const o3d::geometry::PointCloud& source_cloud) {
  PointCloud cloud;
  const bool normals = source_cloud.HasNormals();
  const bool colors = source_cloud.HasColors();
  if (normals) cloud.channels.insert(cloud.channels.end(), {"nx", "ny", "nz"});
  if (colors) cloud.channels.insert(cloud.channels.end(), {"r", "g", "b"});
  const auto push = [&cloud](const Eigen::Vector3d& v) {
    for (int a = 0; a < 3; ++a) cloud.rows.push_back(static_cast<float>(v[a]));
  };
  for (std::size_t i = 0; i < source_cloud.points_.size(); ++i) {
    push(source_cloud.points_[i]);
    if (normals) push(source_cloud.normals_[i]);
    if (colors) push(source_cloud.colors_[i]);
  }
  return cloud;
}

using LegacyReader = bool (*)(const std::string&, o3d::geometry::PointCloud&,
                              const o3d::io::ReadPointCloudOption&);

PointCloud read_file_as(PointFormat format, const std::string& file, const std::string& source) {
  // The tensor readers keep fields that the older ones drop (intensity, labels).
  const o3d::io::ReadPointCloudOption keep_nan("auto", false, false, false);
  o3d::t::geometry::PointCloud tensors;
  const auto check = [&](bool done) {
    GAVOTTE_CHECK(done, source + ": Open3D cannot read it as " + std::string(name(format)));
  };
  if (format == PointFormat::ply || format == PointFormat::pcd || format == PointFormat::pts) {
    check(format == PointFormat::ply ? o3d::t::io::ReadPointCloudFromPLY(file, tensors, keep_nan)
          : format == PointFormat::pcd
              ? o3d::t::io::ReadPointCloudFromPCD(file, tensors, keep_nan)
              : o3d::t::io::ReadPointCloudFromPTS(file, tensors, keep_nan));
    return from_tensors(tensors, source);
  }
  o3d::geometry::PointCloud legacy;
  const LegacyReader reader = format == PointFormat::xyz    ? &o3d::io::ReadPointCloudFromXYZ
                              : format == PointFormat::xyzn ? &o3d::io::ReadPointCloudFromXYZN
                                                            : &o3d::io::ReadPointCloudFromXYZRGB;
  check(reader(file, legacy, keep_nan));
  return from_legacy(legacy);
}

}  // namespace

bool has_open3d() noexcept { return true; }

PointCloud read_through_open3d(Bytes bytes, PointFormat format, const std::filesystem::path& file,
                               const std::string& source) {
  const std::int64_t expected = format == PointFormat::pcd   ? check_pcd(bytes, source)
                                : format == PointFormat::ply ? check_ply(bytes, source)
                                                             : check_text(bytes, format, source);
  PointCloud cloud = quietly(source, [&] {
    if (!file.empty()) return read_file_as(format, file.string(), source);
    const TemporaryFile copy(bytes, "." + std::string(name(format)));
    return read_file_as(format, copy.path().string(), source);
  });
  GAVOTTE_CHECK(cloud.size() == expected, source + ": expected " + std::to_string(expected) +
                                              " points, Open3D read " +
                                              std::to_string(cloud.size()));
  cloud.validate();
  return cloud;
}

void write_png(const std::filesystem::path& path, int width, int height,
               std::span<const std::uint8_t> rgb) {
  o3d::geometry::Image image;
  image.Prepare(width, height, 3, 1);
  std::copy(rgb.begin(), rgb.end(), image.data_.begin());
  const bool done =
      quietly(path.string(), [&] { return o3d::io::WriteImageToPNG(path.string(), image); });
  GAVOTTE_CHECK_RUNTIME(done, path.string() + ": cannot be written as PNG");
}

}  // namespace gavotte::internal
