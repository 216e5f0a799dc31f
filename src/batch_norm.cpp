// The public batch norm: checks every argument, calls the backend.
#include "gavotte/batch_norm.h"

#include <string>

#include "backend.h"
#include "check.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte {
namespace {

using internal::accumulator_of;
using internal::check_dtype;
using internal::check_memory;
using internal::check_shape;

// view null: not there.
void check_rows(const char* what, const ConstTensorView& view, const ConstTensorView& x) {
  if (!view) return;
  check_dtype(what, view, x.dtype);
  check_shape(what, view, x.shape, "[N, C]");
  check_memory(what, view, x.device);
}

void check_accumulators(const char* what, const ConstTensorView& view, const Shape& shape,
                        const char* meaning, const ConstTensorView& x) {
  GAVOTTE_CHECK_TYPE(view.dtype == accumulator_of(x.dtype),
                     std::string(what) + " must be " + std::string(name(accumulator_of(x.dtype))) +
                         " for " + std::string(name(x.dtype)) + " features, got " +
                         std::string(name(view.dtype)));
  check_shape(what, view, shape, meaning);
  check_memory(what, view, x.device);
}

void check_channels(const char* what, const ConstTensorView& view, const ConstTensorView& x) {
  if (view) check_accumulators(what, view, {x.shape[1]}, "[C]", x);
}

ConstTensorView read(const TensorView& view) {
  return {view.data, view.dtype, view.shape, view.device};
}

void check_input(const ConstTensorView& x, const BatchNormOptions& options,
                 const ConstTensorView& statistics, const Execution& execution) {
  check_threads(execution);
  internal::check_floating("x", x);
  GAVOTTE_CHECK(x.shape.rank() == 2 && x.shape[0] > 0,
                "x must be [N, C] of at least one row, got " + x.shape.to_string());
  check_memory("x", x, execution.device);
  check_channels("scale", options.scale, x);
  check_channels("shift", options.shift, x);
  GAVOTTE_CHECK(options.eps >= 0, "eps must be at least 0, got " + std::to_string(options.eps));
  check_accumulators("statistics", statistics, {2, x.shape[1]}, "[2, C]", x);
}

}  // namespace

void batch_norm_into(TensorView y, TensorView statistics, ConstTensorView x,
                     ConstTensorView residual, const BatchNormOptions& options,
                     const RunningStatistics& running, const Execution& execution) {
  check_input(x, options, read(statistics), execution);
  internal::check_out(y, x.dtype, x.shape, "[N, C]", execution);
  check_rows("residual", residual, x);
  GAVOTTE_CHECK((running.mean.data == nullptr) == (running.variance.data == nullptr),
                "expected a running mean and a running variance, or neither");
  check_channels("running mean", read(running.mean), x);
  check_channels("running variance", read(running.variance), x);
  GAVOTTE_CHECK(running.mean.data == nullptr || x.shape[0] > 1,
                "a running variance needs more than one row, got x " + x.shape.to_string());
  internal::backend(execution.device)
      .batch_norm_forward(execution, x, residual, options, running, statistics, y);
}

void batch_norm_backward_into(const BatchNormGradients& out, ConstTensorView grad_y,
                              ConstTensorView x, ConstTensorView y, ConstTensorView statistics,
                              const BatchNormOptions& options, const Execution& execution) {
  check_input(x, options, statistics, execution);
  check_dtype("grad_y", grad_y, x.dtype);
  check_shape("grad_y", grad_y, x.shape, "[N, C]");
  check_memory("grad_y", grad_y, execution.device);
  check_rows("y", y, x);
  check_rows("out of x", read(out.x), x);
  check_rows("out of the residual", read(out.residual), x);
  check_channels("out of scale", read(out.scale), x);
  check_channels("out of shift", read(out.shift), x);
  GAVOTTE_CHECK(bool{y} == (out.residual.data != nullptr) && (options.relu || !y),
                "expected y and the residual's gradient together, of a ReLU, or neither");
  internal::backend(execution.device)
      .batch_norm_backward(execution, grad_y, x, y, statistics, options, out);
}

}  // namespace gavotte
