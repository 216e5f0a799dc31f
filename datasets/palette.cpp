// Names and colours of classes.
#include "gavotte/datasets/palette.h"

#include <algorithm>
#include <cmath>

namespace gavotte {
namespace {

// Hue in turns, saturation and value in [0, 1].
Palette::Color from_hsv(double hue, double saturation, double value) {
  Palette::Color color;
  for (std::size_t c = 0; c < 3; ++c) {
    const double turn = std::fmod(hue + (3.0 - static_cast<double>(c)) / 3.0, 1.0);
    const double ramp = std::clamp(std::abs(turn * 6.0 - 3.0) - 1.0, 0.0, 1.0);
    color[c] = static_cast<std::uint8_t>(
        std::lround(255.0 * value * (1.0 - saturation + saturation * ramp)));
  }
  return color;
}

}  // namespace

Palette Palette::distinct(std::int64_t classes) {
  constexpr double kGoldenTurn = 0.6180339887498949;  // neighbours in number lie far apart in hue
  Palette palette;
  for (std::int64_t i = 0; i < classes; ++i) {
    palette.names.push_back("class " + std::to_string(i));
    const double hue = std::fmod(0.58 + static_cast<double>(i) * kGoldenTurn, 1.0);
    palette.colors.push_back(from_hsv(hue, i % 2 ? 0.55 : 0.75, i % 3 ? 0.95 : 0.8));
  }
  return palette;
}

Palette Palette::street() {
  return {
      .names = {"unlabelled", "road", "sidewalk", "building", "car", "pole", "tree", "pedestrian"},
      .colors = {{90, 90, 90},
                 {98, 88, 148},
                 {190, 108, 178},
                 {222, 170, 92},
                 {74, 144, 255},
                 {250, 240, 130},
                 {84, 184, 96},
                 {255, 72, 84}}};
}

Palette Palette::room() {
  return {.names = {"unlabelled", "floor", "wall", "ceiling", "table", "chair", "shelf", "clutter"},
          .colors = {{90, 90, 90},
                     {146, 118, 96},
                     {150, 164, 184},
                     {90, 98, 116},
                     {236, 152, 60},
                     {92, 178, 228},
                     {160, 116, 210},
                     {110, 206, 122}}};
}

}  // namespace gavotte
