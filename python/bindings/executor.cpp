// Running a network on voxels or arrays.
#include "gavotte/executor.h"

#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <optional>
#include <variant>

#include "arrays.h"
#include "bindings.h"
#include "devices.h"
#include "gavotte/error.h"
#include "gavotte/predict.h"
#include "tuned.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

// What a run leaves, in memory of its own: the executor's arena is written anew by its next run.
struct Output {
  Tensor features;
  Coordinates coordinates;
  RunStats stats;
};

// Of a run: what it gave, or the restart group that it was cancelled in.
using Outcome = std::variant<std::shared_ptr<Output>, int>;

// Runs of an executor are for one thread at a time: Python's threads take turns. Scans are prepared beside them.
class SharedExecutor {
 public:
  SharedExecutor(const Network& network, const ExecutorOptions& options)
      : device_(options.device), executor_(network, options) {}

  Outcome run(const Voxels& voxels, const RunOptions& how) {
    const std::lock_guard lock(mutex_);
    return kept(executor_.run(voxels, how));
  }
  Outcome run(ConstTensorView coordinates, ConstTensorView features, const RunOptions& how) {
    const std::lock_guard lock(mutex_);
    if (device_.kind == DeviceKind::cpu) return kept(executor_.run(coordinates, features, how));
    const Tensor there = Tensor::copy_to(device_, coordinates);
    return kept(executor_.run(there, Tensor::copy_to(device_, features), how));
  }
  Outcome run(const PreparedScan& scan, const RunOptions& how) {
    const std::lock_guard lock(mutex_);
    return kept(executor_.run(scan, how));
  }
  Outcome resume(const RunOptions& how) {
    const std::lock_guard lock(mutex_);
    return kept(executor_.resume(how));
  }
  bool suspended() {
    const std::lock_guard lock(mutex_);
    return executor_.suspended();
  }
  void drop() {
    const std::lock_guard lock(mutex_);
    executor_.drop();
  }
  PreparedScan prepare(const Voxels& voxels, int threads) const {
    return executor_.prepare(voxels, threads);
  }
  PreparedScan prepare(ConstTensorView coordinates, ConstTensorView features, int threads) const {
    return executor_.prepare(coordinates, features, threads);
  }
  std::map<std::string, std::int64_t> sizes(const PreparedScan& scan) const {
    return sizes_of(executor_, scan);
  }
  std::string plan() const { return executor_.plan(); }

 private:
  static Outcome kept(RunOutcome outcome) {
    if (outcome.cancelled()) return outcome.restart_group;
    Result& result = *outcome.result;
    return std::make_shared<Output>(Output{Tensor::copy_to(Device::cpu(), result.features),
                                           std::move(result.coordinates), std::move(result.stats)});
  }
  std::mutex mutex_;
  Device device_;
  Executor executor_;
};

Dataflow dataflow_from_name(const std::string& wanted) {
  std::string names;
  for (const Dataflow dataflow :
       {Dataflow::automatic, Dataflow::gather_gemm_scatter, Dataflow::dense_gemm,
        Dataflow::implicit_gemm, Dataflow::minuet, Dataflow::tile_indirect}) {
    if (name(dataflow) == wanted) return dataflow;
    names += (names.empty() ? "" : ", ") + std::string(name(dataflow));
  }
  throw Error(ErrorKind::value, "dataflow: expected one of " + names + ", got '" + wanted + "'");
}

std::shared_ptr<SharedExecutor> make_executor(const Network& network, const std::string& device,
                                              const std::string& dtype, std::int64_t max_voxels,
                                              int threads, const std::string& dataflow,
                                              bool allow_tf32, bool measure_padding,
                                              const HeldConfig* config, int multiprocessors) {
  ExecutorOptions options;
  if (config != nullptr) {
    options.config = config->config;
    options.other_device = config->other_device;
  }
  options.device = device_from_name(device);
  options.dtype = dtype_from_name(dtype);
  options.max_voxels = max_voxels;
  options.threads = threads;
  options.multiprocessors = multiprocessors;
  options.conv_config.dataflow = dataflow_from_name(dataflow);
  options.conv_config.allow_tf32 = allow_tf32;
  options.measure_padding = measure_padding;
  const py::gil_scoped_release released;
  return std::make_shared<SharedExecutor>(network, options);
}

py::dict dict_of(const LayerStats& layer) {
  py::dict dict;
  dict["name"] = layer.name;
  dict["op"] = layer.op;
  dict["kernel"] = layer.kernel;
  dict["in_channels"] = layer.in_channels;
  dict["out_channels"] = layer.out_channels;
  dict["in_voxels"] = layer.in_voxels;
  dict["out_voxels"] = layer.out_voxels;
  dict["pairs"] = layer.pairs;
  dict["matches_per_output"] = layer.matches_per_output;
  dict["map_ms"] = layer.map_ms;
  dict["compute_ms"] = layer.compute_ms;
  dict["gflop"] = layer.gflop;
  dict["bytes"] = layer.bytes;
  dict["padding"] = layer.padding;
  dict["config"] = layer.config.to_string();
  dict["config_source"] = std::string(name(layer.config_source));
  return dict;
}

py::dict dict_of(const RunStats& stats) {
  py::list layers;
  for (const LayerStats& layer : stats.layers) layers.append(dict_of(layer));
  py::dict dict;
  dict["layers"] = layers;
  dict["map_ms"] = stats.map_ms;
  dict["compute_ms"] = stats.compute_ms;
  dict["total_ms"] = stats.total_ms;
  dict["voxels"] = stats.voxels;
  dict["arena_bytes"] = stats.arena_bytes;
  dict["peak_bytes"] = stats.peak_bytes;
  dict["weight_bytes"] = stats.weight_bytes;
  dict["needed_bytes"] = stats.needed_bytes;
  return dict;
}

// After a global pool there is a row for each batch entry and no coordinates.
py::object coordinates_of(const Output& output) {
  if (!output.coordinates) return py::none();
  const ConstTensorView lattice = output.coordinates.lattice();
  if (lattice.device.kind != DeviceKind::cpu) {
    return array_of(Tensor::copy_to(Device::cpu(), lattice));
  }
  return array_over(lattice, output.coordinates, /*writable=*/false);
}

py::array argmax(const Output& output) {
  Tensor labels;
  {
    const py::gil_scoped_release released;
    Result result;
    result.features = output.features;
    labels = result.argmax();
  }
  return array_of(labels);
}

}  // namespace

void bind_executor(py::module_& module) {
  py::class_<EvictionFlag>(module, "EvictionFlag")
      .def(py::init<>())
      .def("set", &EvictionFlag::set)
      .def("clear", &EvictionFlag::clear)
      .def("set_after", &EvictionFlag::set_after)
      .def("is_set", &EvictionFlag::is_set);
  py::class_<Output, std::shared_ptr<Output>>(module, "RunOutput")
      .def_property_readonly("features", [](const Output& o) { return array_of(o.features); })
      .def_property_readonly("coordinates", &coordinates_of)
      .def_property_readonly("stride",
                             [](const Output& o) {
                               std::vector<std::int32_t> stride;
                               for (int axis = 0; o.coordinates && axis < o.coordinates.dims();
                                    ++axis) {
                                 stride.push_back(o.coordinates.stride()[axis]);
                               }
                               return stride;
                             })
      .def_property_readonly("stats", [](const Output& o) { return dict_of(o.stats); })
      .def("argmax", &argmax);
  py::class_<PreparedScan>(module, "PreparedScan")
      .def_property_readonly("voxels", &PreparedScan::voxels)
      .def_property_readonly("bytes", &PreparedScan::bytes);
  py::class_<SharedExecutor, std::shared_ptr<SharedExecutor>>(module, "Executor")
      .def(py::init(&make_executor), py::arg("network"), py::arg("device"), py::arg("dtype"),
           py::arg("max_voxels"), py::arg("threads"), py::arg("dataflow"), py::arg("allow_tf32"),
           py::arg("measure_padding"), py::arg("config"), py::arg("multiprocessors"))
      .def("run_voxels",
           [](SharedExecutor& executor, const Voxels& voxels, EvictionFlag* evict,
              std::optional<int> threads, std::optional<int> multiprocessors) {
             const py::gil_scoped_release released;
             return executor.run(voxels, {evict, threads, multiprocessors});
           })
      .def("run_arrays",
           [](SharedExecutor& executor, const py::array& coordinates, const py::array& features,
              EvictionFlag* evict, std::optional<int> threads, std::optional<int> multiprocessors) {
             const ConstTensorView where = view_of(coordinates, "coordinates");
             const ConstTensorView what = view_of(features, "features");
             const py::gil_scoped_release released;
             return executor.run(where, what, {evict, threads, multiprocessors});
           })
      .def("run_prepared",
           [](SharedExecutor& executor, const PreparedScan& scan, EvictionFlag* evict,
              std::optional<int> threads, std::optional<int> multiprocessors) {
             const py::gil_scoped_release released;
             return executor.run(scan, {evict, threads, multiprocessors});
           })
      .def("resume",
           [](SharedExecutor& executor, EvictionFlag* evict, std::optional<int> threads,
              std::optional<int> multiprocessors) {
             const py::gil_scoped_release released;
             return executor.resume({evict, threads, multiprocessors});
           })
      .def_property_readonly("suspended",
                             [](SharedExecutor& executor) {
                               const py::gil_scoped_release released;
                               return executor.suspended();
                             })
      .def("drop",
           [](SharedExecutor& executor) {
             const py::gil_scoped_release released;
             executor.drop();
           })
      .def("prepare_voxels",
           [](const SharedExecutor& executor, const Voxels& voxels, int threads) {
             const py::gil_scoped_release released;
             return executor.prepare(voxels, threads);
           })
      .def("prepare_arrays",
           [](const SharedExecutor& executor, const py::array& coordinates,
              const py::array& features, int threads) {
             const ConstTensorView where = view_of(coordinates, "coordinates");
             const ConstTensorView what = view_of(features, "features");
             const py::gil_scoped_release released;
             return executor.prepare(where, what, threads);
           })
      .def("sizes", &SharedExecutor::sizes)
      .def("plan", &SharedExecutor::plan);
}

}  // namespace gavotte::python
