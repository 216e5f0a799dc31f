// Procedural scenes and their classes.
#include "gavotte/datasets/scenes.h"

#include <pybind11/stl.h>

#include "arrays.h"
#include "bindings.h"
#include "clouds.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

template <class Make>
py::tuple made(Make&& make) {
  PointCloud cloud;
  {
    const py::gil_scoped_release released;
    cloud = make();
  }
  return arrays_of(std::move(cloud));
}

// (names, colours as uint8 [classes, 3])
py::tuple arrays_of(const Palette& palette) {
  std::vector<std::uint8_t> colors;
  for (const Palette::Color& color : palette.colors)
    colors.insert(colors.end(), color.begin(), color.end());
  return py::make_tuple(palette.names, array_of(std::move(colors), 3));
}

}  // namespace

void bind_scenes(py::module_& module) {
  module.def(
      "lidar_street",
      [](std::uint64_t seed, std::int64_t frame, int azimuths, float max_range_m,
         float range_noise_m) {
        return made([&] {
          return lidar_street({.seed = seed,
                               .frame = frame,
                               .azimuths = azimuths,
                               .max_range_m = max_range_m,
                               .range_noise_m = range_noise_m});
        });
      },
      py::arg("seed"), py::arg("frame"), py::arg("azimuths"), py::arg("max_range_m"),
      py::arg("range_noise_m"));
  module.def(
      "room",
      [](std::uint64_t seed, float points_per_m2, float noise_m) {
        return made([&] {
          return room({.seed = seed, .points_per_m2 = points_per_m2, .noise_m = noise_m});
        });
      },
      py::arg("seed"), py::arg("points_per_m2"), py::arg("noise_m"));
  module.def(
      "random_voxels",
      [](std::int64_t count, std::uint64_t seed) {
        return made([&] { return random_voxels(count, seed); });
      },
      py::arg("count"), py::arg("seed"));
  module.def(
      "sphere_shell",
      [](int resolution, float thickness, std::uint64_t seed) {
        return made([&] { return sphere_shell(resolution, thickness, seed); });
      },
      py::arg("resolution"), py::arg("thickness"), py::arg("seed"));
  module.def("street_palette", [] { return arrays_of(Palette::street()); });
  module.def("room_palette", [] { return arrays_of(Palette::room()); });
  module.def(
      "distinct_palette",
      [](std::int64_t classes) { return arrays_of(Palette::distinct(classes)); },
      py::arg("classes"));
}

}  // namespace gavotte::python
