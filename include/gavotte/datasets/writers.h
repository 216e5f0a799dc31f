// Point clouds to files: the formats of the readers, labelled clouds in colour, and pictures.
// A file that cannot be written is an Error (runtime).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "gavotte/datasets/palette.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/export.h"
#include "gavotte/points.h"

namespace gavotte {

/// Writes the cloud in the format that the file's name says (see point_format()).
/// PLY and PCD are binary and hold every channel, labels and instances; r, g, b in [0, 1] become
/// 8-bit colours. kitti holds intensity (0 where the cloud has none), with labels and instances in
/// a .label file beside it; nuscenes intensity and ring. The text formats hold what their names
/// say.
GAVOTTE_API void write_points(const std::filesystem::path& path, const PointCloud& cloud);

/// Writes SemanticKITTI labels; throws Error where a label or an instance is outside [0, 65535].
/// A cloud without instances writes instance 0.
GAVOTTE_API void write_labels(const std::filesystem::path& path, const PointCloud& cloud);

/// Writes a binary PLY with x, y, z, the label's colour and the label of each point.
/// `labels` is int32 [points.count], -1 for none.
GAVOTTE_API void write_labelled_ply(const std::filesystem::path& path, const PointsView& points,
                                    std::span<const std::int32_t> labels, const Palette& palette);

enum class PictureView {
  automatic,    ///< camera where all points have z >= 0.1 m and lie on both sides of x = 0 and of
                ///< y = 0, as a depth camera's do; else perspective.
  perspective,  ///< From behind and above the middle of the cloud.
  bird,         ///< Straight down, +x to the right, +y up.
  camera,       ///< What a depth camera at the origin sees: z ahead, x to the right, y down.
};

struct GAVOTTE_API PictureOptions {
  int width = 1600;  ///< Pixels, 16 to 16384.
  int height = 900;
  PictureView view = PictureView::automatic;
};

/// Draws the labelled cloud on a dark background and writes a PNG. Points that are not finite are
/// left out. Needs the option GAVOTTE_WITH_OPEN3D, as reading PLY does.
GAVOTTE_API void write_picture(const std::filesystem::path& path, const PointsView& points,
                               std::span<const std::int32_t> labels, const Palette& palette,
                               const PictureOptions& options = {});

}  // namespace gavotte
