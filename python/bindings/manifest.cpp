// Kernel-profile manifests; Python reads their JSON.
#include "gavotte/manifest.h"

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "gavotte/predict.h"
#include "tuned.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

/// points: of the scan that became the rows, 0 where nobody knows.
std::string profile_arrays(const Network& network, const py::array& coordinates,
                           const py::array& features, std::int64_t points, const std::string& dtype,
                           int threads, const HeldConfig* config, int rounds, int warmup,
                           double peak_gflops, double peak_dram_gb_per_s, bool thread_sweep) {
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
  if (points > 0) voxels.scan_starts = {0, points};
  return profile(network, voxels, options,
                 {.rounds = rounds,
                  .warmup = warmup,
                  .peak_gflops = peak_gflops,
                  .peak_dram_gb_per_s = peak_dram_gb_per_s,
                  .thread_sweep = thread_sweep})
      .to_json();
}

std::string calibrate_texts(const std::vector<std::string>& texts) {
  std::vector<Manifest> runs;
  for (const std::string& text : texts) runs.push_back(Manifest::from_json(text));
  return calibrate(runs).to_json();
}

using Times = std::tuple<double, double, double, bool>;
Times times_of(const PredictedTime& time) {
  return {time.us, time.low_us, time.high_us, time.inside};
}
/// Of the run, then of each launch.
template <class Question>
std::vector<Times> ask(const Predictor& predictor, Question question) {
  std::vector<Times> all = {times_of(question(Predictor::kRun))};
  for (std::size_t launch = 0; launch < predictor.launches(); ++launch)
    all.push_back(times_of(question(launch)));
  return all;
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
  module.def("calibrate", &calibrate_texts, py::call_guard<py::gil_scoped_release>());
  py::class_<Predictor>(module, "Predictor")
      .def(py::init([](const std::string& text) { return Predictor(Manifest::from_json(text)); }),
           py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("level", &Predictor::level)
      .def("of_sizes",
           [](const Predictor& predictor, const std::map<std::string, std::int64_t>& sizes) {
             return ask(predictor,
                        [&](std::size_t part) { return predictor.of_sizes(sizes, part); });
           })
      .def("of_voxels",
           [](const Predictor& predictor, std::int64_t least, std::int64_t most) {
             return ask(predictor,
                        [&](std::size_t part) { return predictor.of_voxels(least, most, part); });
           })
      .def("of_points", [](const Predictor& predictor, std::int64_t least, std::int64_t most) {
        return ask(predictor,
                   [&](std::size_t part) { return predictor.of_points(least, most, part); });
      });
  module.def(
      "write_manifest",
      [](const std::string& text, const std::string& path) {
        Manifest::from_json(text).save(path);
      },
      py::call_guard<py::gil_scoped_release>());
}

}  // namespace gavotte::python
