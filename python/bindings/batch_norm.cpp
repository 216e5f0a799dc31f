// Batch norm in training on PyTorch's tensors, which are on the CPU, into memory that the caller made.
#include "gavotte/batch_norm.h"

#include <optional>

#include "bindings.h"
#include "execution.h"
#include "torch_tensor.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

/// A tensor or None.
class Maybe {
 public:
  Maybe(py::handle tensor, const char* what) {
    if (!tensor.is_none()) tensor_.emplace(tensor, what);
  }
  ConstTensorView in() const { return tensor_ ? tensor_->in({}) : ConstTensorView(); }
  TensorView out() const { return tensor_ ? tensor_->out({}) : TensorView(); }

 private:
  std::optional<TorchTensor> tensor_;
};

void batch_norm_forward(py::handle y, py::handle statistics, py::handle running_mean,
                        py::handle running_var, py::handle x, py::handle residual,
                        py::handle weight, py::handle bias, bool relu, double momentum, double eps,
                        int threads) {
  const Execution execution = execution_on(-1, 0, threads);
  const TorchTensor out(y, "out"), kept(statistics, "statistics"), features(x, "features");
  const Maybe added(residual, "residual"), scale(weight, "weight"), shift(bias, "bias");
  const Maybe mean(running_mean, "running_mean"), variance(running_var, "running_var");
  const py::gil_scoped_release released;
  batch_norm_into(out.out({}), kept.out({}), features.in({}), added.in(),
                  {scale.in(), shift.in(), eps, relu}, {mean.out(), variance.out(), momentum},
                  execution);
}

void batch_norm_backward(py::handle grad_x, py::handle grad_weight, py::handle grad_bias,
                         py::handle grad_residual, py::handle grad_y, py::handle x, py::handle y,
                         py::handle statistics, py::handle weight, py::handle bias, bool relu,
                         double eps, int threads) {
  const Execution execution = execution_on(-1, 0, threads);
  const Maybe of_x(grad_x, "out"), of_weight(grad_weight, "out"), of_bias(grad_bias, "out"),
      of_residual(grad_residual, "out"), output(y, "y");
  const Maybe scale(weight, "weight"), shift(bias, "bias");
  const TorchTensor grad(grad_y, "grad"), features(x, "features"), kept(statistics, "statistics");
  const py::gil_scoped_release released;
  batch_norm_backward_into({of_x.out(), of_weight.out(), of_bias.out(), of_residual.out()},
                           grad.in({}), features.in({}), output.in(), kept.in({}),
                           {scale.in(), shift.in(), eps, relu}, execution);
}

}  // namespace

void bind_batch_norm(py::module_& module) {
  module.def("batch_norm_forward", &batch_norm_forward);
  module.def("batch_norm_backward", &batch_norm_backward);
}

}  // namespace gavotte::python
