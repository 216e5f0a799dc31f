// Kernel-profile manifests; Python reads their JSON.
#include "gavotte/manifest.h"

#include <string>

#include "arrays.h"
#include "bindings.h"
#include "tuned.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

std::string profile_arrays(const Network& network, const py::array& coordinates,
                           const py::array& features, const std::string& dtype, int threads,
                           const HeldConfig* config, int rounds, int warmup, double peak_gflops,
                           double peak_dram_gb_per_s) {
  ExecutorOptions options;
  options.dtype = dtype_from_name(dtype);
  options.threads = threads;
  if (config != nullptr) {
    options.config = config->config;
    options.other_device = config->other_device;
  }
  const ConstTensorView where = view_of(coordinates, "coordinates");
  const ConstTensorView what = view_of(features, "features");
  const py::gil_scoped_release released;
  Voxels voxels;
  voxels.coordinates = Tensor::copy_of(where);
  voxels.features = Tensor::copy_of(what);
  return profile(network, voxels, options,
                 {.rounds = rounds,
                  .warmup = warmup,
                  .peak_gflops = peak_gflops,
                  .peak_dram_gb_per_s = peak_dram_gb_per_s})
      .to_json();
}

}  // namespace

void bind_manifest(py::module_& module) {
  module.def("profile", &profile_arrays);
  // Each reads strictly and gives the text back as the library writes it.
  module.def(
      "read_manifest", [](const std::string& path) { return Manifest::load(path).to_json(); },
      py::call_guard<py::gil_scoped_release>());
  module.def(
      "check_manifest", [](const std::string& text) { return Manifest::from_json(text).to_json(); },
      py::call_guard<py::gil_scoped_release>());
  module.def(
      "write_manifest",
      [](const std::string& text, const std::string& path) {
        Manifest::from_json(text).save(path);
      },
      py::call_guard<py::gil_scoped_release>());
}

}  // namespace gavotte::python
