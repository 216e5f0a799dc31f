// A labelled cloud as a picture: points splatted into a depth buffer as discs that shrink with
// distance, then shaded by how much nearer their neighbours on the screen are (eye-dome lighting,
// Boucheny 2009), which shows shape without normals. Drawn at twice the size and averaged down.
#include <algorithm>
#include <cmath>
#include <limits>

#include "check.h"
#include "fields.h"
#include "formats.h"
#include "gavotte/datasets/writers.h"

namespace gavotte {
namespace {

using Vec3 = std::array<double, 3>;
constexpr int kOversampling = 2;
constexpr float kFar = std::numeric_limits<float>::infinity();

double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vec3 normalized(const Vec3& v) {
  const double length = std::sqrt(dot(v, v));
  return {v[0] / length, v[1] / length, v[2] / length};
}

Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

struct Camera {
  Vec3 eye = {};
  Vec3 right = {}, up = {}, forward = {};
  double scale = 1.0;  // pixels: at depth 1 (perspective) or a metre (bird)
  bool perspective = true;
  double least_radius = 1.0;  // pixels of a point's disc
};

struct Canvas {
  int width, height;
  std::vector<float> depth = {};           // [height, width], kFar where nothing was drawn
  std::vector<Palette::Color> color = {};  // [height, width]
};

// Middle and half extent that hold the inner 90 % of the points on each axis, so that strays do not
// shrink the picture.
void robust_box(const std::vector<Vec3>& points, Vec3* middle, Vec3* half) {
  for (std::size_t a = 0; a < 3; ++a) {
    std::vector<double> values;
    values.reserve(points.size());
    for (const Vec3& p : points) values.push_back(p[a]);
    const auto at = [&](double share) {
      const auto nth = values.begin() +
                       static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
      std::nth_element(values.begin(), nth, values.end());
      return *nth;
    };
    const double low = at(0.05);
    const double high = at(0.95);
    (*middle)[a] = (low + high) / 2;
    (*half)[a] = std::max((high - low) / 2, 1e-3);
  }
}

// True where the points lie as a depth camera at the origin sees them: all ahead, on both sides of
// its axis.
bool is_camera_scan(const std::vector<Vec3>& points) {
  constexpr double kNearestM = 0.1;
  std::array<bool, 4> sides = {};
  for (const Vec3& p : points) {
    if (p[2] < kNearestM) return false;
    sides[p[0] < 0 ? 0 : 1] = true;
    sides[p[1] < 0 ? 2 : 3] = true;
  }
  return std::all_of(sides.begin(), sides.end(), [](bool side) { return side; });
}

// From the origin, wide enough for all points.
Camera camera_at_origin(const std::vector<Vec3>& points, const Canvas& canvas) {
  Camera camera;
  camera.right = {1, 0, 0};
  camera.up = {0, -1, 0};
  camera.forward = {0, 0, 1};
  double across = 1e-3;
  double along = 1e-3;
  for (const Vec3& p : points) {
    if (p[2] <= 0) continue;
    across = std::max(across, std::abs(p[0] / p[2]));
    along = std::max(along, std::abs(p[1] / p[2]));
  }
  camera.scale = 0.48 * std::min(canvas.width / across, canvas.height / along);
  // Pixels of the depth image lie evenly on the screen at every depth: discs that just close the gaps.
  const double screen = 4 * across * along * camera.scale * camera.scale;
  camera.least_radius =
      std::clamp(0.9 * std::sqrt(screen / static_cast<double>(points.size())), 1.0, 4.0);
  return camera;
}

Camera place_camera(const std::vector<Vec3>& points, const Canvas& canvas, PictureView view) {
  if (view == PictureView::automatic) {
    view = is_camera_scan(points) ? PictureView::camera : PictureView::perspective;
  }
  if (view == PictureView::camera) return camera_at_origin(points, canvas);
  Vec3 middle;
  Vec3 half;
  robust_box(points, &middle, &half);
  Camera camera;
  camera.perspective = view == PictureView::perspective;
  if (!camera.perspective) {
    camera.right = {1, 0, 0};
    camera.up = {0, 1, 0};
    camera.forward = {0, 0, -1};
    camera.scale = 0.46 * std::min(canvas.width / half[0], canvas.height / half[1]) / 1.0;
    camera.scale = std::min(
        camera.scale, 0.46 * std::max(canvas.width, canvas.height) / std::max(half[0], half[1]));
    camera.eye = {middle[0], middle[1], middle[2] + 2 * half[2] + 1.0};
    return camera;
  }
  camera.forward = normalized({0.80, 0.42, -0.52});
  camera.right = normalized(cross(camera.forward, {0, 0, 1}));
  camera.up = cross(camera.right, camera.forward);
  camera.scale = 1.1 * canvas.height;
  // Far enough back that the box's corners stay on the screen.
  double distance = 0.0;
  for (int corner = 0; corner < 8; ++corner) {
    const Vec3 p = {corner & 1 ? half[0] : -half[0], corner & 2 ? half[1] : -half[1],
                    corner & 4 ? half[2] : -half[2]};
    const double along = dot(p, camera.forward);
    const double x = std::abs(dot(p, camera.right)) * camera.scale / (0.5 * canvas.width);
    const double y = std::abs(dot(p, camera.up)) * camera.scale / (0.5 * canvas.height);
    distance = std::max(distance, std::max(x, y) - along);
  }
  for (std::size_t a = 0; a < 3; ++a)
    camera.eye[a] = middle[a] - camera.forward[a] * distance * 0.9;
  return camera;
}

void splat(const Camera& camera, const Vec3& point, const Palette::Color& color, double radius_m,
           Canvas* canvas) {
  const Vec3 p = {point[0] - camera.eye[0], point[1] - camera.eye[1], point[2] - camera.eye[2]};
  const double depth = dot(p, camera.forward);
  if (depth <= 1e-6) return;
  const double scale = camera.perspective ? camera.scale / depth : camera.scale;
  const double x = canvas->width / 2.0 + dot(p, camera.right) * scale;
  const double y = canvas->height / 2.0 - dot(p, camera.up) * scale;
  const double radius = std::clamp(radius_m * scale, camera.least_radius, 9.0);
  if (!(x > -10 && x < canvas->width + 10 && y > -10 && y < canvas->height + 10)) return;
  for (int row = static_cast<int>(std::ceil(y - radius)); row <= static_cast<int>(y + radius);
       ++row) {
    for (int column = static_cast<int>(std::ceil(x - radius));
         column <= static_cast<int>(x + radius); ++column) {
      if (row < 0 || row >= canvas->height || column < 0 || column >= canvas->width) continue;
      if ((row - y) * (row - y) + (column - x) * (column - x) > radius * radius) continue;
      const auto at = static_cast<std::size_t>(row) * static_cast<std::size_t>(canvas->width) +
                      static_cast<std::size_t>(column);
      if (static_cast<float>(depth) >= canvas->depth[at]) continue;
      canvas->depth[at] = static_cast<float>(depth);
      canvas->color[at] = color;
    }
  }
}

// In [0, 1]: 1 in the open, darker where the screen's neighbours are nearer.
float eye_dome(const Canvas& canvas, int row, int column, double depth_unit) {
  const auto depth_at = [&](int r, int c) {
    r = std::clamp(r, 0, canvas.height - 1);
    c = std::clamp(c, 0, canvas.width - 1);
    return canvas.depth[static_cast<std::size_t>(r) * static_cast<std::size_t>(canvas.width) +
                        static_cast<std::size_t>(c)];
  };
  const double own = std::log2(double{depth_at(row, column)} + depth_unit);
  double sum = 0.0;
  for (const int reach : {2, 5}) {
    for (const auto& [dr, dc] : {std::pair{0, 1}, {0, -1}, {1, 0}, {-1, 0}}) {
      const double other =
          std::log2(double{depth_at(row + dr * reach, column + dc * reach)} + depth_unit);
      if (std::isfinite(other)) sum += std::clamp(own - other, 0.0, 0.08);
    }
  }
  return static_cast<float>(std::exp(-6.0 * sum));
}

std::vector<std::uint8_t> shade(const Canvas& canvas, int width, int height, double depth_unit) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                                3);
  for (int row = 0; row < height; ++row) {
    const float down = static_cast<float>(row) / static_cast<float>(height);
    const std::array<float, 3> background = {14 + 8 * down, 16 + 10 * down, 24 + 14 * down};
    for (int column = 0; column < width; ++column) {
      std::array<float, 3> sum = {};
      for (int s = 0; s < kOversampling * kOversampling; ++s) {
        const int r = row * kOversampling + s / kOversampling;
        const int c = column * kOversampling + s % kOversampling;
        const auto at = static_cast<std::size_t>(r) * static_cast<std::size_t>(canvas.width) +
                        static_cast<std::size_t>(c);
        const bool drawn = canvas.depth[at] < kFar;
        const float light = drawn ? 0.25f + 0.75f * eye_dome(canvas, r, c, depth_unit) : 0.0f;
        for (std::size_t k = 0; k < 3; ++k) {
          sum[k] += drawn ? light * static_cast<float>(canvas.color[at][k]) : background[k];
        }
      }
      const auto to = (static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
                       static_cast<std::size_t>(column)) *
                      3;
      for (std::size_t k = 0; k < 3; ++k) {
        rgb[to + k] =
            static_cast<std::uint8_t>(std::lround(sum[k] / (kOversampling * kOversampling)));
      }
    }
  }
  return rgb;
}

}  // namespace

void write_picture(const std::filesystem::path& path, const PointsView& points,
                   std::span<const std::int32_t> labels, const Palette& palette,
                   const PictureOptions& options) {
  points.validate();
  GAVOTTE_CHECK(static_cast<std::int64_t>(labels.size()) == points.count,
                path.string() + ": expected " + std::to_string(points.count) + " labels, given " +
                    std::to_string(labels.size()));
  for (const int side : {options.width, options.height}) {
    GAVOTTE_CHECK(
        side >= 16 && side <= 16384,
        path.string() + ": expected 16 to 16384 pixels a side, given " + std::to_string(side));
  }
  Canvas canvas{.width = options.width * kOversampling, .height = options.height * kOversampling};
  const std::size_t pixels =
      static_cast<std::size_t>(canvas.width) * static_cast<std::size_t>(canvas.height);
  canvas.depth.assign(pixels, kFar);
  canvas.color.resize(pixels);

  std::vector<Vec3> finite;
  std::vector<std::int32_t> finite_labels;
  for (std::int64_t i = 0; i < points.count; ++i) {
    const std::array<float, 3> p = internal::position_of(points, i);
    if (!(std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]))) continue;
    finite.push_back({p[0], p[1], p[2]});
    finite_labels.push_back(labels[static_cast<std::size_t>(i)]);
  }
  double depth_unit = 1.0;
  if (!finite.empty()) {
    const Camera camera = place_camera(finite, canvas, options.view);
    Vec3 middle;
    Vec3 half;
    robust_box(finite, &middle, &half);
    const double extent = std::sqrt(dot(half, half));
    depth_unit = 0.02 * extent;
    // A disc of about the mean distance between points spread over a surface of that extent.
    const double radius_m = 0.5 * extent / std::sqrt(static_cast<double>(finite.size()));
    for (std::size_t i = 0; i < finite.size(); ++i) {
      splat(camera, finite[i], palette.color(finite_labels[i]), radius_m, &canvas);
    }
  }
  internal::write_png(path, options.width, options.height,
                      shade(canvas, options.width, options.height, depth_unit));
}

}  // namespace gavotte
