// The operations on features of PyTorch's tensors, into memory that the caller made. A token names the kernel map or the
// coordinate set. Every call checks its arguments as the C++ functions do.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "bindings.h"
#include "execution.h"
#include "gavotte/convolution.h"
#include "gavotte/error.h"
#include "gavotte/pooling.h"
#include "tokens.h"
#include "torch_tensor.h"
#include "tuned.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

PoolMode mode_of(int number) { return static_cast<PoolMode>(number); }

/// How a call runs whose layer has a config. weights: [K, Cin / groups, Cout], whose shape the call itself checks.
ConvConfig config_of(std::int64_t tuned, Direction direction, const KernelMap& map,
                     const TorchTensor& weights, int groups, const Execution& execution,
                     bool allow_tf32) {
  const Shape shape = weights.shape();
  const bool known = shape.rank() == 3 && groups > 0;
  return tuned_config(tuned, direction,
                      {map, known ? shape[1] * groups : 0, known ? shape[2] : 0, groups,
                       weights.dtype(), execution},
                      allow_tf32);
}

/// The bias in the dtype that sums are in; of 16-bit features, a copy.
std::optional<TorchTensor> read_bias(py::handle bias, const TorchTensor& features,
                                     const TorchTensor& weights) {
  if (bias.is_none()) return std::nullopt;
  std::optional<TorchTensor> read(std::in_place, bias, "bias");
  read->check_beside(features);
  if (read->dtype() != features.dtype())
    throw Error(ErrorKind::type, "bias: expected " + std::string(name(features.dtype())) +
                                     " like the features, got " + read->to_string());
  if (weights.shape().rank() == 3 && read->shape() != Shape{weights.shape()[2]})
    throw Error(ErrorKind::value,
                "bias: expected [Cout] = " + Shape{weights.shape()[2]}.to_string() + ", got " +
                    read->shape().to_string());
  if (size_bytes(features.dtype()) < 4) read.emplace(bias.attr("float")(), "bias");
  return read;
}

void convolution_forward(py::handle token, py::handle y, py::handle x, py::handle weight,
                         py::handle bias, int groups, bool allow_tf32, std::int64_t tuned,
                         int device, std::uintptr_t stream, int threads) {
  const KernelMap map = map_of(token);
  const Execution execution = execution_on(device, stream, threads);
  const TorchTensor out(y, "out"), features(x, "features"), weights(weight, "weights");
  weights.check_beside(features);
  const std::optional<TorchTensor> shift = read_bias(bias, features, weights);
  const ConvConfig config =
      config_of(tuned, Direction::forward, map, weights, groups, execution, allow_tf32);
  Epilogue epilogue;
  if (shift) epilogue.shift = shift->in(execution.device);
  const py::gil_scoped_release released;
  convolution_into(out.out(execution.device), features.in(execution.device),
                   weights.in(execution.device), map, groups, epilogue, config, execution);
}

void convolution_dgrad(py::handle token, py::handle grad_x, py::handle grad_y, py::handle weight,
                       int groups, bool allow_tf32, std::int64_t tuned, int device,
                       std::uintptr_t stream, int threads) {
  const KernelMap map = map_of(token);
  const Execution execution = execution_on(device, stream, threads);
  const TorchTensor out(grad_x, "out"), grad(grad_y, "grad"), weights(weight, "weights");
  weights.check_beside(grad);
  const ConvConfig config =
      config_of(tuned, Direction::dgrad, map, weights, groups, execution, allow_tf32);
  const py::gil_scoped_release released;
  convolution_dgrad_into(out.out(execution.device), grad.in(execution.device),
                         weights.in(execution.device), map, groups, config, execution);
}

void convolution_wgrad(py::handle token, py::handle grad_weight, py::handle x, py::handle grad_y,
                       int groups, bool allow_tf32, std::int64_t tuned, int device,
                       std::uintptr_t stream, int threads) {
  const KernelMap map = map_of(token);
  const Execution execution = execution_on(device, stream, threads);
  const TorchTensor out(grad_weight, "out"), features(x, "features"), grad(grad_y, "grad");
  grad.check_beside(features);
  const ConvConfig config =
      config_of(tuned, Direction::wgrad, map, out, groups, execution, allow_tf32);
  const py::gil_scoped_release released;
  convolution_wgrad_into(out.out(execution.device), features.in(execution.device),
                         grad.in(execution.device), map, groups, config, execution);
}

/// grad_x, grad_weight: None where not wanted.
void convolution_backward(py::handle token, py::handle grad_x, py::handle grad_weight, py::handle x,
                          py::handle grad_y, py::handle weight, int groups, bool allow_tf32,
                          std::int64_t tuned, int device, std::uintptr_t stream, int threads) {
  const KernelMap map = map_of(token);
  const Execution execution = execution_on(device, stream, threads);
  const TorchTensor features(x, "features"), grad(grad_y, "grad"), weights(weight, "weights");
  grad.check_beside(features);
  weights.check_beside(features);
  std::optional<TorchTensor> out_x, out_weight;
  if (!grad_x.is_none()) out_x.emplace(grad_x, "out");
  if (!grad_weight.is_none()) out_weight.emplace(grad_weight, "out");
  const auto config = [&](Direction direction) {
    return config_of(tuned, direction, map, weights, groups, execution, allow_tf32);
  };
  const py::gil_scoped_release released;
  if (out_x)
    convolution_dgrad_into(out_x->out(execution.device), grad.in(execution.device),
                           weights.in(execution.device), map, groups, config(Direction::dgrad),
                           execution);
  if (out_weight)
    convolution_wgrad_into(out_weight->out(execution.device), features.in(execution.device),
                           grad.in(execution.device), map, groups, config(Direction::wgrad),
                           execution);
}

void pool_forward(py::handle token, py::handle y, py::handle x, int mode, int device,
                  std::uintptr_t stream, int threads) {
  const KernelMap map = map_of(token);
  const Execution execution = execution_on(device, stream, threads);
  const TorchTensor out(y, "out"), features(x, "features");
  const py::gil_scoped_release released;
  pool_into(out.out(execution.device), features.in(execution.device), map, mode_of(mode),
            execution);
}

void pool_grad(py::handle token, py::handle grad_x, py::handle x, py::handle y, py::handle grad_y,
               int mode, int device, std::uintptr_t stream, int threads) {
  const KernelMap map = map_of(token);
  const Execution execution = execution_on(device, stream, threads);
  const TorchTensor out(grad_x, "out"), features(x, "features"), output(y, "output"),
      grad(grad_y, "grad");
  output.check_beside(features);
  grad.check_beside(features);
  const py::gil_scoped_release released;
  pool_backward_into(out.out(execution.device), features.in(execution.device),
                     output.in(execution.device), grad.in(execution.device), map, mode_of(mode),
                     execution);
}

void global_pool_forward(py::handle token, py::handle y, py::handle x, std::int64_t batch_size,
                         int mode, int device, std::uintptr_t stream, int threads) {
  const Coordinates coordinates = coordinates_of(token);
  const Execution execution = execution_on(device, stream, threads);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (batch_size > kMost)
    throw py::value_error("batch_size: expected at most " + std::to_string(kMost) + ", got " +
                          std::to_string(batch_size));
  const TorchTensor out(y, "out"), features(x, "features");
  const py::gil_scoped_release released;
  global_pool_into(out.out(execution.device), features.in(execution.device), coordinates,
                   static_cast<std::int32_t>(batch_size), mode_of(mode), execution);
}

void global_pool_grad(py::handle token, py::handle grad_x, py::handle x, py::handle y,
                      py::handle grad_y, int mode, int device, std::uintptr_t stream, int threads) {
  const Coordinates coordinates = coordinates_of(token);
  const Execution execution = execution_on(device, stream, threads);
  const TorchTensor out(grad_x, "out"), features(x, "features"), output(y, "output"),
      grad(grad_y, "grad");
  output.check_beside(features);
  grad.check_beside(features);
  const py::gil_scoped_release released;
  global_pool_backward_into(out.out(execution.device), features.in(execution.device),
                            output.in(execution.device), grad.in(execution.device), coordinates,
                            mode_of(mode), execution);
}

}  // namespace

void bind_operations(py::module_& module) {
  module.def("convolution_forward", &convolution_forward);
  module.def("convolution_dgrad", &convolution_dgrad);
  module.def("convolution_wgrad", &convolution_wgrad);
  module.def("convolution_backward", &convolution_backward);
  module.def("pool_forward", &pool_forward);
  module.def("pool_grad", &pool_grad);
  module.def("global_pool_forward", &global_pool_forward);
  module.def("global_pool_grad", &global_pool_grad);
}

}  // namespace gavotte::python
