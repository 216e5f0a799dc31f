// The rule of point_features.h.
#include "point_features.h"

#include <cmath>
#include <functional>

#include "input_error.h"
#include "joined.h"

namespace gavotte::cli {
namespace {

using Feature = std::function<float(const float* row)>;  // row: x, y, z, channels of the scan

bool has_colors(const PointCloud& scan) {
  return scan.channel("r") >= 0 && scan.channel("g") >= 0 && scan.channel("b") >= 0;
}

std::vector<std::string> default_names(const PointCloud& scan, std::int64_t channels,
                                       const std::string& path) {
  if (channels == 1) return {"intensity"};
  if (channels == 3 && has_colors(scan)) return {"r", "g", "b"};
  if (channels == 3) return {"x", "y", "z"};
  if (channels == 4) return {"x", "y", "z", "intensity"};
  throw InputError(path + ": expected --features for a network of " + std::to_string(channels) +
                   " input channels, got none; name as many of x,y,z,one" +
                   (scan.channels.empty() ? "" : "," + joined(scan.channels, ",")));
}

// What stands in for a channel that many scans lack.
std::string resolve(const PointCloud& scan, const std::string& name) {
  if (name != "intensity" || scan.channel(name) >= 0) return name;
  return has_colors(scan) ? "brightness" : "one";
}

Feature make_feature(const PointCloud& scan, const std::string& name, const std::string& path) {
  if (const int channel = scan.channel(name); channel >= 0) {
    return [channel](const float* row) { return row[3 + channel]; };
  }
  if (name == "one") return [](const float*) { return 1.0F; };
  if (name == "x" || name == "y" || name == "z") {
    return [axis = name[0] - 'x'](const float* row) { return row[axis]; };
  }
  if (name == "brightness" && has_colors(scan)) {
    return [r = 3 + scan.channel("r"), g = 3 + scan.channel("g"), b = 3 + scan.channel("b")](
               const float* row) { return 0.299F * row[r] + 0.587F * row[g] + 0.114F * row[b]; };
  }
  throw InputError(path + ": expected features among x,y,z,one" +
                   (has_colors(scan) ? std::string(",brightness") : std::string()) +
                   (scan.channels.empty() ? "" : "," + joined(scan.channels, ",")) + ", got '" +
                   name + "'");
}

}  // namespace

PointFeatures select_features(const PointCloud& scan, const std::vector<std::string>& wanted,
                              std::int64_t channels, const std::string& path) {
  PointFeatures result;
  result.names = wanted.empty() ? default_names(scan, channels, path) : wanted;
  if (std::ssize(result.names) != channels) {
    throw InputError("expected " + std::to_string(channels) +
                     " --features, one for each input channel of the " + "network, got " +
                     std::to_string(result.names.size()) + ": " + joined(result.names, ","));
  }
  std::vector<Feature> features;
  for (std::string& name : result.names) {
    name = resolve(scan, name);
    features.push_back(make_feature(scan, name, path));
  }
  result.cloud.channels = result.names;
  result.cloud.rows.reserve(static_cast<std::size_t>(scan.size() * (3 + channels)));
  for (std::int64_t point = 0; point < scan.size(); ++point) {
    const float* row = scan.row(point);
    result.cloud.rows.insert(result.cloud.rows.end(), row, row + 3);
    const bool kept = std::isfinite(row[0]) && std::isfinite(row[1]) && std::isfinite(row[2]);
    for (const Feature& feature : features) {
      const float value = feature(row);
      const bool finite = std::isfinite(value);
      result.replaced += kept && !finite ? 1 : 0;  // of a point that is dropped anyway nobody asks
      result.cloud.rows.push_back(finite ? value : 0.0F);
    }
  }
  return result;
}

}  // namespace gavotte::cli
