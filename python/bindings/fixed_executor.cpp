// A network as a fixed sequence of launches on a GPU, which a CUDA graph may capture.
#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "bindings.h"
#include "devices.h"
#include "execution.h"
#include "gavotte/executor.h"
#include "per_axis.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

class FixedExecutor {
 public:
  FixedExecutor(const Network& network, ExecutorOptions options)
      : options_(std::move(options)), executor_(network, options_) {}

  /// coordinates: int32 [max_voxels, columns]; features: [max_voxels, channels]; count: int64 [1].
  void enqueue(std::uintptr_t coordinates, std::int64_t columns, std::uintptr_t features,
               std::int64_t channels, std::uintptr_t count) {
    const std::int64_t rows = options_.max_voxels;
    const auto view = [&](std::uintptr_t address, DType dtype, Shape shape) {
      return ConstTensorView(reinterpret_cast<const void*>(address), dtype, shape, options_.device);
    };
    const std::lock_guard lock(mutex_);
    executor_.enqueue(view(coordinates, DType::int32, {rows, columns}),
                      view(features, options_.dtype, {rows, channels}),
                      view(count, DType::int64, {1}));
  }

  /// Features, which stay until the next run, and their set: none after a global pool.
  std::pair<Tensor, std::optional<Coordinates>> collect() {
    const std::lock_guard lock(mutex_);
    Result result = executor_.collect();
    std::optional<Coordinates> coordinates;
    if (result.coordinates) coordinates = result.coordinates;
    const ConstTensorView& features = result.features;
    const std::shared_ptr<void> memory(const_cast<void*>(features.data), [](void*) {});
    return {Tensor(memory, features.dtype, features.shape, features.device), coordinates};
  }

  std::int64_t workspace_bytes() const { return executor_.workspace_bytes(); }
  std::string plan() const { return executor_.plan(); }

 private:
  ExecutorOptions options_;
  std::mutex mutex_;
  Executor executor_;
};

std::shared_ptr<FixedExecutor> make_fixed_executor(const Network& network, int device,
                                                   std::uintptr_t stream, const std::string& dtype,
                                                   std::int64_t max_voxels, const AxisValues& lower,
                                                   const AxisValues& upper, std::int32_t batch_size,
                                                   bool allow_tf32) {
  ExecutorOptions options;
  options.device = {DeviceKind::cuda, device};
  options.stream.handle = reinterpret_cast<void*>(stream);
  options.dtype = dtype_from_name(dtype);
  options.max_voxels = max_voxels;
  options.bounds = CoordinateBounds{
      .lower = per_axis(lower), .upper = per_axis(upper), .batch_size = batch_size};
  options.conv_config.allow_tf32 = allow_tf32;
  const py::gil_scoped_release released;
  return std::make_shared<FixedExecutor>(network, options);
}

}  // namespace

void bind_fixed_executor(py::module_& module) {
  using Released = py::call_guard<py::gil_scoped_release>;
  py::class_<FixedExecutor, std::shared_ptr<FixedExecutor>>(module, "FixedExecutor")
      .def(py::init(&make_fixed_executor), py::arg("network"), py::arg("device"), py::arg("stream"),
           py::arg("dtype"), py::arg("max_voxels"), py::arg("lower"), py::arg("upper"),
           py::arg("batch_size"), py::arg("allow_tf32"))
      .def("enqueue", &FixedExecutor::enqueue, Released())
      .def("collect", &FixedExecutor::collect, Released())
      .def_property_readonly("workspace_bytes", &FixedExecutor::workspace_bytes)
      .def("plan", &FixedExecutor::plan);
}

}  // namespace gavotte::python
