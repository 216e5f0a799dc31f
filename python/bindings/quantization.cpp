// Networks made int8, and the report of what that does.
#include "gavotte/quantization.h"

#include <pybind11/stl.h>

#include <memory>

#include "bindings.h"
#include "gavotte/error.h"
#include "gavotte/network.h"
#include "gavotte/voxelize.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

using Scans = std::vector<std::shared_ptr<Voxels>>;

// Copies of Voxels share their arrays.
std::vector<Voxels> values(const Scans& scans) {
  std::vector<Voxels> all;
  for (const auto& scan : scans) all.push_back(*scan);
  return all;
}

ActivationScales scales_from_name(const std::string& wanted) {
  for (const ActivationScales scales :
       {ActivationScales::static_tensor, ActivationScales::dynamic_tensor,
        ActivationScales::dynamic_row})
    if (name(scales) == wanted) return scales;
  throw Error(ErrorKind::value, "unknown scales '" + wanted + "'");
}

std::shared_ptr<Network> quantize_network(const Network& network, const Scans& scans,
                                          const std::string& scales, bool ends,
                                          const std::vector<std::string>& keep, int threads) {
  QuantizeOptions options;
  options.scales = scales_from_name(scales);
  options.ends = ends;
  options.keep = keep;
  options.threads = threads;
  const py::gil_scoped_release released;
  return std::make_shared<Network>(quantize(network, values(scans), options));
}

py::tuple error_of(const Network& network, const Network& quantized, const Scans& scans,
                   const std::string& dtype, int threads) {
  QuantizationReport report;
  {
    const py::gil_scoped_release released;
    report = quantization_error(network, quantized, values(scans), dtype_from_name(dtype), threads);
  }
  py::list layers;
  for (const auto& layer : report.layers)
    layers.append(py::make_tuple(layer.name, layer.kernel, layer.error));
  return py::make_tuple(layers, report.error, report.voxels);
}

}  // namespace

void bind_quantization(py::module_& module) {
  module.def("quantize", &quantize_network);
  module.def("quantization_error", &error_of);
}

}  // namespace gavotte::python
