// Kernel-profile manifests; Python reads their JSON.
#include "gavotte/manifest.h"

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "gavotte/estimate.h"
#include "gavotte/predict.h"
#include "tuned.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

Voxels copy_of(ConstTensorView coordinates, ConstTensorView features) {
  Voxels voxels;
  voxels.coordinates = Tensor::copy_of(coordinates);
  voxels.features = Tensor::copy_of(features);
  return voxels;
}

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
  Voxels voxels = copy_of(where, what);
  if (points > 0) voxels.scan_starts = {0, points};
  return profile(network, voxels, options,
                 {.rounds = rounds,
                  .warmup = warmup,
                  .peak_gflops = peak_gflops,
                  .peak_dram_gb_per_s = peak_dram_gb_per_s,
                  .thread_sweep = thread_sweep})
      .to_json();
}

/// device: the number of a GPU. on_device: the rows lie there before the run, else it brings them. bounds: lower and upper
/// of each axis; empty: none.
std::string record_arrays(const Network& network, const py::array& coordinates,
                          const py::array& features, const std::string& dtype, int device,
                          bool on_device, std::uintptr_t stream, std::int64_t max_voxels,
                          const std::vector<std::int32_t>& bounds, std::int32_t batch_size,
                          const std::string& device_description,
                          const std::string& kernel_resources) {
  ExecutorOptions options;
  options.device = {DeviceKind::cuda, device};
  options.stream.handle = reinterpret_cast<void*>(stream);
  options.dtype = dtype_from_name(dtype);
  options.max_voxels = max_voxels;
  if (!bounds.empty()) {
    const auto axes = static_cast<int>(bounds.size() / 2);
    options.bounds = CoordinateBounds{.lower = PerAxis::from(bounds.data(), axes),
                                      .upper = PerAxis::from(bounds.data() + axes, axes),
                                      .batch_size = batch_size};
  }
  const ConstTensorView where = view_of(coordinates, "coordinates");
  const ConstTensorView what = view_of(features, "features");
  const py::gil_scoped_release released;
  Voxels voxels = copy_of(where, what);
  if (on_device) {
    voxels.coordinates = voxels.coordinates.to(options.device);
    voxels.features = voxels.features.to(options.device);
  }
  return record_launches(network, voxels, options,
                         {.device_description = device_description,
                          .kernel_resources = kernel_resources,
                          .enqueued = options.bounds.has_value()})
      .to_json();
}

std::string calibrate_texts(const std::vector<std::string>& texts,
                            const std::vector<std::string>& kinds) {
  std::vector<Manifest> runs;
  for (const std::string& text : texts) runs.push_back(Manifest::from_json(text));
  return calibrate(runs, kinds).to_json();
}

using Sizes = std::map<std::string, std::int64_t>;
using Estimate = std::tuple<std::string, std::string, double, double, double, std::string>;
/// Of the run, then of its parts: layer, operation, us, low, high, how.
std::vector<Estimate> estimates_of(const EstimatedRun& run) {
  std::vector<Estimate> all;
  const auto add = [&all](const EstimatedTime& time) {
    all.emplace_back(time.layer, time.op, time.us, time.low_us, time.high_us, time.how);
  };
  add(run.run);
  for (const EstimatedTime& part : run.parts) add(part);
  return all;
}

Estimator estimator_of(const Network& network, const HeldConfig* config,
                       const std::string& device_description, const std::string& dtype, int threads,
                       const std::vector<Sizes>& scans) {
  const EstimateOptions options = {dtype_from_name(dtype), threads, scans};
  return config != nullptr ? Estimator::of_config(network, *config->config, options)
                           : Estimator::of_description(network, device_description, options);
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
  module.def("record_launches", &record_arrays);
  const auto released = py::call_guard<py::gil_scoped_release>();
  py::class_<Estimator>(module, "Estimator")
      .def(py::init(&estimator_of), released)
      .def_property_readonly("source",
                             [](const Estimator& estimator) { return name(estimator.source()); })
      .def("of_sizes", [](const Estimator& estimator,
                          const Sizes& sizes) { return estimates_of(estimator.of_sizes(sizes)); })
      .def("of_voxels",
           [](const Estimator& estimator, std::int64_t least, std::int64_t most) {
             return estimates_of(estimator.of_voxels(least, most));
           })
      .def("of_points", [](const Estimator& estimator, std::int64_t least, std::int64_t most) {
        return estimates_of(estimator.of_points(least, most));
      });
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
