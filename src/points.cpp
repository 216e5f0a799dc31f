// Checks on strided point buffers, and the cloud that owns its points.
#include "gavotte/points.h"

#include <algorithm>
#include <limits>

#include "check.h"

namespace gavotte {
namespace {

void check_field(const char* field, int offset, std::int64_t values, DType dtype,
                 std::int64_t stride_bytes) {
  GAVOTTE_CHECK(offset >= 0, std::string("PointsView: expected ") + field + " >= 0, given " +
                                 std::to_string(offset));
  const std::int64_t end = offset + values * size_bytes(dtype);
  GAVOTTE_CHECK(end <= stride_bytes,
                "PointsView: expected stride_bytes >= " + std::to_string(end) + " to hold " +
                    std::to_string(values) + " x " + std::string(name(dtype)) + " at " + field +
                    " " + std::to_string(offset) + ", given " + std::to_string(stride_bytes));
}

}  // namespace

void PointsView::validate() const {
  GAVOTTE_CHECK(count >= 0, "PointsView: expected count >= 0, given " + std::to_string(count));
  GAVOTTE_CHECK(count == 0 || data != nullptr,
                "PointsView: expected data, given null with count " + std::to_string(count));
  GAVOTTE_CHECK(
      xyz_dtype == DType::float32 || xyz_dtype == DType::float64,
      "PointsView: expected xyz_dtype float32 or float64, given " + std::string(name(xyz_dtype)));
  GAVOTTE_CHECK(features >= 0,
                "PointsView: expected features >= 0, given " + std::to_string(features));
  check_field("xyz_offset", xyz_offset, 3, xyz_dtype, stride_bytes);
  if (features > 0) {
    GAVOTTE_CHECK(
        feature_dtype != DType::int8 && feature_dtype != DType::float16 &&
            feature_dtype != DType::bfloat16,
        "PointsView: expected feature_dtype uint8, int32, int64, float32 or float64, given " +
            std::string(name(feature_dtype)));
    check_field("feature_offset", feature_offset, features, feature_dtype, stride_bytes);
  }
  // stride_bytes > 0 here: it holds at least x, y and z.
  GAVOTTE_CHECK(count <= std::numeric_limits<std::int64_t>::max() / stride_bytes,
                "PointsView: expected count * stride_bytes below 2^63, given " +
                    std::to_string(count) + " * " + std::to_string(stride_bytes));
}

std::int64_t PointCloud::size() const noexcept {
  return static_cast<std::int64_t>(rows.size()) / row_floats();
}

int PointCloud::channel(std::string_view name) const noexcept {
  const auto found = std::find(channels.begin(), channels.end(), name);
  return found == channels.end() ? -1 : static_cast<int>(found - channels.begin());
}

PointsView PointCloud::view() const {
  validate();
  return {.data = rows.data(),
          .count = size(),
          .stride_bytes = row_floats() * std::int64_t{sizeof(float)},
          .xyz_offset = 0,
          .feature_offset = channels.empty() ? -1 : 3 * static_cast<int>(sizeof(float)),
          .features = static_cast<int>(channels.size())};
}

PointsView PointCloud::view_with_xyz() const {
  PointsView all = view();
  all.feature_offset = 0;
  all.features += 3;
  return all;
}

PointCloud PointCloud::with_channels(const std::vector<std::string>& names, float missing) const {
  validate();
  PointCloud out;
  out.channels = names;
  out.labels = labels;
  out.instances = instances;
  out.rows.resize(static_cast<std::size_t>(size() * out.row_floats()));
  std::vector<int> source;
  source.reserve(names.size());
  for (const std::string& name : names) source.push_back(channel(name));
  for (std::int64_t i = 0; i < size(); ++i) {
    const float* from = row(i);
    float* to = out.row(i);
    std::copy(from, from + 3, to);
    for (std::size_t c = 0; c < source.size(); ++c) {
      to[3 + c] = source[c] < 0 ? missing : from[3 + source[c]];
    }
  }
  return out;
}

void PointCloud::validate() const {
  const auto width = static_cast<std::size_t>(row_floats());
  GAVOTTE_CHECK(rows.size() % width == 0, "PointCloud: expected rows of " + std::to_string(width) +
                                              " floats, given " + std::to_string(rows.size()) +
                                              " floats in all");
  const std::size_t count = rows.size() / width;
  GAVOTTE_CHECK(labels.empty() || labels.size() == count,
                "PointCloud: expected " + std::to_string(count) + " labels or none, given " +
                    std::to_string(labels.size()));
  GAVOTTE_CHECK(instances.empty() || instances.size() == count,
                "PointCloud: expected " + std::to_string(count) + " instances or none, given " +
                    std::to_string(instances.size()));
}

std::string PointCloud::to_string() const {
  std::string text = "PointCloud(" + std::to_string(size()) + " points, channels:";
  if (channels.empty()) text += " none";
  for (const std::string& name : channels) text += " " + name;
  if (!labels.empty()) text += ", labels";
  if (!instances.empty()) text += ", instances";
  return text + ")";
}

}  // namespace gavotte
