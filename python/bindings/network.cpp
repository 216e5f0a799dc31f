// Networks: files, built-in ones, and those made from a graph and arrays.
#include "gavotte/network.h"

#include <pybind11/stl.h>

#include <memory>

#include "arrays.h"
#include "bindings.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

using Pointer = std::shared_ptr<Network>;

template <class Make>
Pointer made(Make&& make) {
  const py::gil_scoped_release released;
  return std::make_shared<Network>(make());
}

Pointer from_bytes(const py::bytes& bytes) {
  const std::string_view text = bytes;
  return made(
      [&] { return Network::from_bytes(std::as_bytes(std::span(text.data(), text.size()))); });
}

// Parameters are copied: a network never changes, its user's arrays may.
Pointer from_graph(const std::string& graph_json, const std::map<std::string, py::array>& arrays) {
  std::map<std::string, ConstTensorView> views;
  for (const auto& [name, array] : arrays) {
    views.emplace(name, view_of(array, "parameter '" + name + "'"));
  }
  return made([&] {
    std::map<std::string, Tensor> parameters;
    for (const auto& [name, view] : views) parameters.emplace(name, Tensor::copy_of(view));
    return Network::from_graph(graph_json, std::move(parameters));
  });
}

py::bytes to_bytes(const Network& network) {
  std::vector<std::byte> bytes;
  {
    const py::gil_scoped_release released;
    bytes = network.to_bytes();
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void bind_network(py::module_& module) {
  module.def("builtin_networks", [] {
    std::vector<std::string> names;
    for (const std::string_view name : builtin_networks()) names.emplace_back(name);
    return names;
  });
  py::class_<Network, Pointer>(module, "Network")
      .def_static("load",
                  [](const std::string& path) { return made([&] { return Network::load(path); }); })
      .def_static("from_bytes", &from_bytes)
      .def_static("from_graph", &from_graph, py::arg("graph_json"), py::arg("parameters"))
      .def_static("builtin",
                  [](const std::string& name, std::int64_t in_channels, std::int64_t classes,
                     std::uint64_t seed) {
                    return made([&] { return make_network(name, in_channels, classes, seed); });
                  })
      .def("save", &Network::save, py::call_guard<py::gil_scoped_release>())
      .def("to_bytes", &to_bytes)
      .def("graph_json", &Network::graph_json)
      .def("parameter",
           [](const Network& network, const std::string& name) {
             return array_of(network.parameter(name), /*writable=*/false);
           })
      .def("parameter_names",
           [](const Network& network) {
             std::vector<std::string> names;
             for (const auto& [name, tensor] : network.parameters()) names.push_back(name);
             return names;
           })
      .def("channels", &Network::channels)
      .def_property_readonly("input_channels", &Network::input_channels)
      .def_property_readonly("output_channels", &Network::output_channels)
      .def("__str__", &Network::to_string);
}

}  // namespace gavotte::python
