// Coordinate sets, the manager that caches what is derived from them, and kernel maps.
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "arrays.h"
#include "bindings.h"
#include "execution.h"
#include "gavotte/coordinate_manager.h"
#include "gavotte/error.h"
#include "gavotte/sparse_ops.h"
#include "per_axis.h"
#include "tokens.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

/// Memory that belongs to a Python object, which goes when the last copy of the tensor does.
std::shared_ptr<void> kept_by(py::object owner, void* data) {
  auto* const held = new py::object(std::move(owner));
  return {data, [held](void*) {
            const py::gil_scoped_acquire locked;
            delete held;
          }};
}

/// address: of int32 [rows, columns] that `owner` keeps alive; the set shares it where style is "divided".
Coordinates make_coordinates(std::uintptr_t address, std::int64_t rows, std::int64_t columns,
                             py::object owner, const AxisValues& stride, const std::string& style,
                             int device, std::uintptr_t stream, int threads) {
  if (style != "divided" && style != "multiples")
    throw Error(ErrorKind::value, "style: expected divided or multiples, got '" + style + "'");
  const Execution execution = execution_on(device, stream, threads);
  const PerAxis strides = per_axis(stride);
  static char nothing = 0;  // an empty tensor may have no memory
  void* const data = address != 0 ? reinterpret_cast<void*>(address) : &nothing;
  const Shape shape = {rows, columns};
  if (style == "multiples") {
    const py::gil_scoped_release released;
    return Coordinates(ConstTensorView(data, DType::int32, shape, execution.device), strides,
                       StrideStyle::multiples, execution);
  }
  Tensor lattice(kept_by(std::move(owner), data), DType::int32, shape, execution.device);
  const py::gil_scoped_release released;
  return Coordinates::sharing(std::move(lattice), strides, execution);
}

/// The number of a device, -1 for the CPU.
int number_of(const Device& device) { return device.kind == DeviceKind::cpu ? -1 : device.index; }

/// (address, rows, columns) of a view that its owner keeps alive.
std::tuple<std::uintptr_t, std::int64_t, std::int64_t> extent_of(const ConstTensorView& view) {
  return {reinterpret_cast<std::uintptr_t>(view.data), view.shape[0],
          view.shape.rank() > 1 ? view.shape[1] : 1};
}

py::tuple strides_of(const Coordinates& coordinates) {
  py::tuple result(coordinates.dims());
  for (int axis = 0; axis < coordinates.dims(); ++axis)
    result[static_cast<std::size_t>(axis)] = coordinates.stride()[axis];
  return result;
}

/// Whatever may take a lock of the library runs without the GIL: the lock's owner may be waiting for the GIL, which
/// PyTorch's allocator needs.
py::array list_of(const KernelMap& map, ConstTensorView (KernelMap::*list)() const) {
  Tensor copy;
  {
    const py::gil_scoped_release released;
    copy = Tensor::copy_to(map.execution(), Device::cpu(), (map.*list)());
  }
  return array_of(copy);
}

}  // namespace

void bind_maps(py::module_& module) {
  py::class_<Tensor>(module, "Tensor")  // memory of the library
      .def_property_readonly("device", [](const Tensor& t) { return number_of(t.device()); })
      .def("extent", [](const Tensor& t) { return extent_of(t.view()); })
      .def("array", [](const Tensor& t) { return array_of(t, /*writable=*/true); });

  py::class_<Coordinates>(module, "Coordinates")
      .def(py::init(&make_coordinates), py::arg("address"), py::arg("rows"), py::arg("columns"),
           py::arg("owner"), py::arg("stride"), py::arg("style"), py::arg("device"),
           py::arg("stream"), py::arg("threads"))
      .def_property_readonly("rows", &Coordinates::rows)
      .def_property_readonly("dims", &Coordinates::dims)
      .def_property_readonly("stride", &strides_of)
      .def_property_readonly("batch_size", &Coordinates::batch_size)
      .def_property_readonly("device", [](const Coordinates& c) { return number_of(c.device()); })
      .def("same_as", &Coordinates::same_as)
      .def("key_order",  // a copy on the host; None: rows are in key order
           [](const Coordinates& c) -> py::object {
             Tensor copy;
             {
               const py::gil_scoped_release released;
               if (!c.order()) return py::none();
               copy = Tensor::copy_to(c.execution(), Device::cpu(), c.order());
             }
             return array_of(copy, /*writable=*/true);
           })
      .def("lattice_extent", [](const Coordinates& c) { return extent_of(c.lattice()); })
      .def(
          "lattice_array",  // the set's own memory; of a set on a GPU, a copy
          [](const Coordinates& c, bool writable) {
            if (c.device().kind != DeviceKind::cpu)
              return array_of(Tensor::copy_to(c.execution(), Device::cpu(), c.lattice()));
            return array_over(c.lattice(), c, writable);
          },
          py::arg("writable") = false)
      .def(
          "use_on",  // a stream of its device
          [](const Coordinates& c, std::uintptr_t stream) {
            c.use_on(execution_on(number_of(c.device()), stream, 0));
          },
          py::arg("stream"), py::call_guard<py::gil_scoped_release>())
      .def("token", [](const Coordinates& c) { return token_of(c); });

  py::class_<KernelMap>(module, "KernelMap")
      .def_property_readonly("offsets", &KernelMap::offsets)
      .def_property_readonly("in_rows", &KernelMap::in_rows)
      .def_property_readonly("out_rows", &KernelMap::out_rows)
      .def_property_readonly("pairs", &KernelMap::pairs)
      .def_property_readonly("is_identity", &KernelMap::is_identity)
      .def("transposed", &KernelMap::transposed)
      .def("pair_begin", [](const KernelMap& m) { return list_of(m, &KernelMap::pair_begin); })
      .def("pair_in", [](const KernelMap& m) { return list_of(m, &KernelMap::pair_in); })
      .def("pair_out", [](const KernelMap& m) { return list_of(m, &KernelMap::pair_out); })
      .def("table", [](const KernelMap& m) { return list_of(m, &KernelMap::table); })
      .def("token", [](const KernelMap& m) { return token_of(m); })
      .def("__repr__",
           [](const KernelMap& m) { return "KernelMap(" + m.report().to_string() + ")"; });

  py::class_<CoordinateManager>(module, "CoordinateManager")
      .def(py::init([](int device, std::uintptr_t stream, int threads) {
             return CoordinateManager(execution_on(device, stream, threads));
           }),
           py::arg("device") = -1, py::arg("stream") = 0, py::arg("threads") = 0)
      .def(
          "kernel_map",
          [](CoordinateManager& manager, const Coordinates& input, const ConvSpec& spec,
             const std::optional<Coordinates>& output) {
            MapResult result;
            {
              const py::gil_scoped_release released;
              result = output ? manager.kernel_map(input, spec, *output)
                              : manager.kernel_map(input, spec);
            }
            return std::make_pair(result.map, result.output);
          },
          py::arg("input"), py::arg("spec"), py::arg("output") = py::none())
      .def("output_coordinates", &CoordinateManager::output_coordinates, py::arg("input"),
           py::arg("spec"), py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("cached_maps",
                             py::cpp_function(&CoordinateManager::cached_maps,
                                              py::call_guard<py::gil_scoped_release>()))
      .def_property_readonly("cached_bytes",
                             py::cpp_function(&CoordinateManager::cached_bytes,
                                              py::call_guard<py::gil_scoped_release>()))
      .def("clear", &CoordinateManager::clear, py::call_guard<py::gil_scoped_release>());

  module.def("live_tokens", &live_tokens);
  module.def(
      "unite",
      [](const Coordinates& a, const Coordinates& b, std::uintptr_t stream, int threads) {
        CoordinateUnion joined;
        {
          const py::gil_scoped_release released;
          joined = unite(a, b, execution_on(number_of(a.device()), stream, threads));
        }
        return std::make_tuple(joined.coordinates, joined.row_of_a, joined.row_of_b);
      },
      py::arg("a"), py::arg("b"), py::arg("stream") = 0, py::arg("threads") = 0);
}

}  // namespace gavotte::python
