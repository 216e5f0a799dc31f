// From points to voxels and back.
#include "gavotte/voxelize.h"

#include <pybind11/stl.h>

#include <memory>

#include "arrays.h"
#include "bindings.h"
#include "devices.h"
#include "gavotte/error.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

// How the points of an array lie in its memory; the array's first axis runs over the points.
// The stride is given, since NumPy leaves that of fewer than two points open.
using Layout = std::tuple<py::array, std::int64_t, int, std::string, int, int, std::string>;

PointsView view_of_points(const Layout& layout) {
  const auto& [array, stride_bytes, xyz_offset, xyz_dtype, feature_offset, features,
               feature_dtype] = layout;
  return {.data = array.data(),
          .count = array.shape(0),
          .stride_bytes = stride_bytes,
          .xyz_offset = xyz_offset,
          .xyz_dtype = dtype_from_name(xyz_dtype),
          .feature_offset = feature_offset,
          .features = features,
          .feature_dtype = dtype_from_name(feature_dtype)};
}

Reduce reduce_from_name(const std::string& name) {
  if (name == "first") return Reduce::first;
  if (name == "mean") return Reduce::mean;
  if (name == "max") return Reduce::max;
  if (name == "sum") return Reduce::sum;
  throw Error(ErrorKind::value, "reduce: expected first, mean, max or sum, got '" + name + "'");
}

using Axes = std::array<double, 3>;
using Bound = std::array<float, 3>;

std::shared_ptr<Voxels> make_voxels(const std::vector<Layout>& scans, const Axes& voxel_size_m,
                                    const std::optional<std::pair<Bound, Bound>>& range,
                                    const std::string& reduce, const Axes& origin_m,
                                    const std::string& device, int threads) {
  VoxelizeOptions options{
      .voxel_size_m = voxel_size_m, .reduce = reduce_from_name(reduce), .origin_m = origin_m};
  if (range) options.range = PointRange{range->first, range->second};
  std::vector<PointsView> views;
  for (const Layout& scan : scans) views.push_back(view_of_points(scan));
  const Execution execution{.device = device_from_name(device), .threads = threads};
  const py::gil_scoped_release released;
  return std::make_shared<Voxels>(voxelize(std::span<const PointsView>(views), options, execution));
}

// What NumPy takes for an array, or its own error.
py::array to_points(const Voxels& voxels, const py::object& given, int threads) {
  const py::array values = py::module_::import("numpy").attr("asarray")(given);
  const ConstTensorView view = view_of(values, "values");
  Tensor spread;
  {
    const py::gil_scoped_release released;
    const Device device = voxels.inverse.device();
    const Execution execution{.device = device, .threads = threads};
    spread = device.kind == DeviceKind::cpu
                 ? voxels.to_points(view, execution)
                 : voxels.to_points(Tensor::copy_to(device, view), execution).to(Device::cpu());
  }
  return array_of(spread);
}

constexpr auto kVoxelsDoc =
    R"(The voxels of one scan or of a batch, made by `voxelize`: N voxels, C features, P points of all scans.

Arrays are the voxels' own memory, not copies: features may be written to, what says where voxels and points lie must
stay as it is.

>>> import gavotte, numpy as np
>>> voxels = gavotte.voxelize(np.array([[0.1, 0, 0], [0.2, 0, 0], [3, 0, 0]], np.float32), 1.0)
>>> voxels.coordinates.tolist(), voxels.inverse.tolist(), len(voxels)
([[0, 0, 0, 0], [0, 3, 0, 0]], [0, 0, 1], 2)
)";

}  // namespace

void bind_voxelize(py::module_& module) {
  module.def("voxelize", &make_voxels, py::arg("scans"), py::arg("voxel_size_m"),
             py::arg("range_m"), py::arg("reduce"), py::arg("origin_m"), py::arg("device"),
             py::arg("threads"));
  py::class_<Voxels, std::shared_ptr<Voxels>>(module, "Voxels", kVoxelsDoc)
      .def_property_readonly(
          "coordinates", [](const Voxels& v) { return array_of(v.coordinates); },
          "int32 [N, 4]: batch entry, x, y, z; rows distinct, in lexicographic order.")
      .def_property_readonly(
          "features", [](const Voxels& v) { return array_of(v.features); }, "float32 [N, C].")
      .def_property_readonly(
          "inverse", [](const Voxels& v) { return array_of(v.inverse); },
          "int32 [P]: the row of a point's voxel, -1 where it was dropped.")
      .def_property_readonly(
          "scan_starts", [](const Voxels& v) { return array_of(v.scan_starts); },
          "int64 [scans + 1]: where each scan's points begin in inverse.")
      .def_readonly("dropped_nonfinite", &Voxels::dropped_nonfinite,
                    "Points with a NaN or infinite x, y or z.")
      .def_readonly("dropped_out_of_range", &Voxels::dropped_out_of_range,
                    "Finite points outside the range.")
      .def_readonly("dropped_out_of_int32", &Voxels::dropped_out_of_int32,
                    "Points inside the range whose index does not fit int32.")
      .def_property_readonly(
          "voxel_size", [](const Voxels& v) { return py::tuple(py::cast(v.voxel_size_m)); },
          "Edges along x, y and z in metres.")
      .def_property_readonly(
          "origin", [](const Voxels& v) { return py::tuple(py::cast(v.origin_m)); },
          "Corner of voxel (0, 0, 0) in metres.")
      .def("to_points", &to_points, py::arg("values"), py::kw_only(), py::arg("threads") = 0,
           R"(A value for each point from one for each voxel.

Args:
    values: [N] or [N, C], int32 or float32: an array, or what NumPy makes one of, as a tensor on the CPU.
    threads: 0 for all.

Returns:
    [P] or [P, C] of the same dtype; -1 at points that were dropped, NaN for float32.

Raises:
    ValueError: rows that are not N, or another dtype.
)")
      .def("__len__", &Voxels::size)
      .def("__repr__", &Voxels::to_string);
}

}  // namespace gavotte::python
