// Tuning from Python: problems in, a report as a dictionary out.
#include "gavotte/tuner.h"

#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings.h"
#include "devices.h"
#include "gavotte/error.h"
#include "tokens.h"
#include "tuned.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

Direction direction_from_name(const std::string& wanted) {
  for (const Direction direction : {Direction::forward, Direction::dgrad, Direction::wgrad})
    if (name(direction) == wanted) return direction;
  throw Error(ErrorKind::value,
              "direction: expected forward, dgrad or wgrad, got '" + wanted + "'");
}

// What the Tuner asks about every 0.2 s: whether the user wants it to go on. An exception of the callback, and Ctrl-C,
// end the tuning and come out of run().
bool go_on(const py::function& progress, const TuneProgress& at) {
  const py::gil_scoped_acquire locked;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  const py::object answer =
      progress(at.elapsed_s, at.budget_s, at.done, at.total, at.gain, at.name);
  return answer.is_none() || answer.cast<bool>();
}

Tuner make_tuner(const std::string& device, std::uintptr_t stream, int threads, double budget_s,
                 bool maps, const HeldConfig* start, const std::string& path,
                 const py::function& progress) {
  TuneOptions options;
  options.device = device_from_name(device);
  options.stream.handle = reinterpret_cast<void*>(stream);
  options.threads = threads;
  options.budget_s = budget_s;
  options.maps = maps;
  options.path = path;
  if (start != nullptr) options.start = *start->config;
  // The callback goes with the GIL held, wherever the last copy of the options ends.
  const std::shared_ptr<py::function> kept(new py::function(progress), [](py::function* gone) {
    const py::gil_scoped_acquire locked;
    delete gone;
  });
  options.progress = [kept](const TuneProgress& at) { return go_on(*kept, at); };
  return Tuner(std::move(options));
}

py::dict dict_of(const LayerCandidate& candidate) {
  py::dict dict;
  dict["config"] = candidate.config.to_string();
  dict["predicted_ms"] = candidate.predicted_ms;
  dict["ms"] = candidate.ms;
  dict["samples"] = candidate.samples;
  dict["verdict"] = std::string(name(candidate.verdict));
  dict["is_default"] = candidate.is_default;
  return dict;
}

py::dict dict_of(const LayerTuning& layer) {
  py::list candidates;
  for (const LayerCandidate& candidate : layer.candidates) candidates.append(dict_of(candidate));
  py::dict dict;
  dict["name"] = layer.name;
  dict["kind"] = layer.best.kind.to_string();
  dict["layers"] = layer.layers;
  dict["config"] = layer.best.config.to_string();
  dict["rows"] = layer.best.rows;
  dict["ms"] = layer.best.measured.ms;
  dict["default_ms"] = layer.best.measured.default_ms;
  dict["noise"] = layer.best.measured.noise;
  dict["samples"] = layer.best.measured.samples;
  dict["padding"] = layer.padding;
  dict["from_start"] = layer.from_start;
  dict["candidates"] = candidates;
  return dict;
}

py::dict run(Tuner& tuner) {
  TuneReport report;
  {
    const py::gil_scoped_release released;
    report = tuner.run();
  }
  py::list layers;
  for (const LayerTuning& layer : report.layers) layers.append(dict_of(layer));
  py::dict dict;
  dict["config"] = HeldConfig{TunedConfig(report.config), OtherDevice::refuse};
  dict["layers"] = layers;
  dict["seconds"] = report.seconds;
  dict["noise_text"] = report.noise_text();
  dict["finished"] = report.finished;
  dict["timed"] = report.timed;
  dict["gain"] = report.gain();
  return dict;
}

}  // namespace

void bind_tuner(py::module_& module) {
  py::class_<Tuner>(module, "Tuner")
      .def(py::init(&make_tuner))
      .def("add_network",
           [](Tuner& tuner, const Network& network, const Voxels& scan, const std::string& dtype,
              const std::vector<std::string>& directions) {
             std::vector<Direction> wanted;
             for (const std::string& direction : directions)
               wanted.push_back(direction_from_name(direction));
             const DType type = dtype_from_name(dtype);
             const py::gil_scoped_release released;
             tuner.add(network, scan, type, wanted);
           })
      .def("add_layer",
           [](Tuner& tuner, const std::string& layer, const std::string& kernel,
              std::int64_t in_channels, std::int64_t out_channels, int groups,
              const std::string& dtype, const std::string& direction, int threads,
              py::handle token) {
             tuner.add(
                 LayerProblem{layer,
                              {kernel, in_channels, out_channels, groups, dtype_from_name(dtype),
                               direction_from_name(direction), threads},
                              map_of(token)});
           })
      .def("run", &run);
}

}  // namespace gavotte::python
