// Point-cloud files and pictures. A cloud crosses as (rows, channels, labels or None, instances or None).
#include <pybind11/stl.h>

#include <filesystem>

#include "arrays.h"
#include "bindings.h"
#include "clouds.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/datasets/writers.h"
#include "gavotte/error.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

std::vector<std::int32_t> labels_of(const py::object& given, const char* what) {
  if (given.is_none()) return {};
  const auto array = py::cast<py::array>(given);
  const auto values = view_of(array, what).span<std::int32_t>();
  return {values.begin(), values.end()};
}

PointCloud cloud_of(const py::array& rows, std::vector<std::string> channels,
                    const py::object& labels, const py::object& instances) {
  const ConstTensorView view = view_of(rows, "rows");
  const auto values = view.span<float>();
  PointCloud cloud;
  cloud.channels = std::move(channels);
  if (view.shape.rank() != 2 || view.shape[1] != cloud.row_floats()) {
    throw Error(ErrorKind::value,
                "rows: expected float32 [N, " + std::to_string(cloud.row_floats()) +
                    "], x, y, z and one column for each channel, got " + view.shape.to_string());
  }
  cloud.rows.assign(values.begin(), values.end());
  cloud.labels = labels_of(labels, "labels");
  cloud.instances = labels_of(instances, "instances");
  cloud.validate();
  return cloud;
}

py::tuple read(const std::string& path) {
  PointCloud cloud;
  {
    const py::gil_scoped_release released;
    cloud = read_points(std::filesystem::path(path));
  }
  return arrays_of(std::move(cloud));
}

py::tuple parse(const py::bytes& bytes, const std::string& format, const std::string& source) {
  const std::string_view text = bytes;
  PointCloud cloud;
  {
    const py::gil_scoped_release released;
    cloud = read_points(std::as_bytes(std::span(text.data(), text.size())),
                        format_from_name(format), source);
  }
  return arrays_of(std::move(cloud));
}

void write(const std::string& path, const py::array& rows, std::vector<std::string> channels,
           const py::object& labels, const py::object& instances) {
  const PointCloud cloud = cloud_of(rows, std::move(channels), labels, instances);
  const py::gil_scoped_release released;
  write_points(std::filesystem::path(path), cloud);
}

// xyz: float32 [N, >= 3], contiguous. colors: uint8 [classes, 3].
struct Labelled {
  PointsView points;
  std::span<const std::int32_t> labels;
  Palette palette;
};

Labelled labelled(const py::array& rows, const py::array& labels, const py::array& colors,
                  std::vector<std::string> names) {
  const ConstTensorView xyz = view_of(rows, "points");
  if (xyz.shape.rank() != 2 || xyz.shape[1] < 3) {
    throw Error(ErrorKind::value, "points: expected [N, 3 or more], got " + xyz.shape.to_string());
  }
  Labelled result;
  result.points = {.data = xyz.data,
                   .count = xyz.rows(),
                   .stride_bytes = xyz.shape[1] * size_bytes(xyz.dtype),
                   .xyz_dtype = xyz.dtype};
  result.labels = view_of(labels, "labels").span<std::int32_t>();
  const ConstTensorView shades = view_of(colors, "colors");
  if (shades.shape.rank() != 2 || shades.shape[1] != 3 ||
      shades.rows() != static_cast<std::int64_t>(names.size())) {
    throw Error(ErrorKind::value, "colors: expected uint8 [" + std::to_string(names.size()) +
                                      ", 3], one for each name, got " + shades.shape.to_string());
  }
  const auto values = shades.span<std::uint8_t>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    result.palette.colors.push_back({values[3 * i], values[3 * i + 1], values[3 * i + 2]});
  }
  result.palette.names = std::move(names);
  return result;
}

PictureView view_from_name(const std::string& name) {
  if (name == "automatic") return PictureView::automatic;
  if (name == "perspective") return PictureView::perspective;
  if (name == "bird") return PictureView::bird;
  if (name == "camera") return PictureView::camera;
  throw Error(ErrorKind::value,
              "view: expected automatic, perspective, bird or camera, got '" + name + "'");
}

}  // namespace

py::tuple arrays_of(PointCloud cloud) {
  const std::int64_t columns = cloud.row_floats();
  const auto optional = [](std::vector<std::int32_t> values) -> py::object {
    if (values.empty()) return py::none();
    return array_of(std::move(values));
  };
  return py::make_tuple(array_of(std::move(cloud.rows), columns), cloud.channels,
                        optional(std::move(cloud.labels)), optional(std::move(cloud.instances)));
}

PointFormat format_from_name(std::string_view wanted) {
  constexpr PointFormat kFormats[] = {PointFormat::kitti,  PointFormat::nuscenes, PointFormat::ply,
                                      PointFormat::pcd,    PointFormat::xyz,      PointFormat::xyzn,
                                      PointFormat::xyzrgb, PointFormat::pts};
  std::string names;
  for (const PointFormat format : kFormats) {
    if (name(format) == wanted) return format;
    names += (names.empty() ? "" : ", ") + std::string(name(format));
  }
  throw Error(ErrorKind::value,
              "format: expected one of " + names + ", got '" + std::string(wanted) + "'");
}

void bind_points(py::module_& module) {
  module.def("read_points", &read, py::arg("path"));
  module.def("parse_points", &parse, py::arg("bytes"), py::arg("format"), py::arg("source"));
  module.def("can_read",
             [](const std::string& format) { return can_read(format_from_name(format)); });
  module.def("write_points", &write, py::arg("path"), py::arg("rows"), py::arg("channels"),
             py::arg("labels"), py::arg("instances"));
  module.def(
      "write_labelled_ply",
      [](const std::string& path, const py::array& points, const py::array& labels,
         const py::array& colors, std::vector<std::string> names) {
        const Labelled cloud = labelled(points, labels, colors, std::move(names));
        const py::gil_scoped_release released;
        write_labelled_ply(path, cloud.points, cloud.labels, cloud.palette);
      },
      py::arg("path"), py::arg("points"), py::arg("labels"), py::arg("colors"), py::arg("names"));
  module.def(
      "write_picture",
      [](const std::string& path, const py::array& points, const py::array& labels,
         const py::array& colors, std::vector<std::string> names, int width, int height,
         const std::string& view) {
        const Labelled cloud = labelled(points, labels, colors, std::move(names));
        const PictureOptions options{
            .width = width, .height = height, .view = view_from_name(view)};
        const py::gil_scoped_release released;
        write_picture(path, cloud.points, cloud.labels, cloud.palette, options);
      },
      py::arg("path"), py::arg("points"), py::arg("labels"), py::arg("colors"), py::arg("names"),
      py::arg("width"), py::arg("height"), py::arg("view"));
}

}  // namespace gavotte::python
