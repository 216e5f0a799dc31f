// What a backend does not do unless it says so; a backend that is a library of its own carries a copy.
#include "backend.h"

#include "check.h"

namespace gavotte::internal {

void Backend::convolution_bytes(const Execution& execution, const ConvPlan&, const ByteInput&,
                                const Epilogue&, const ByteOutput&) {
  GAVOTTE_CHECK(false,
                "int8 convolutions run on the CPU; got the device " + execution.device.to_string());
}

void Backend::quantize(const Execution& execution, ConstTensorView, const ByteScale&, std::int64_t,
                       TensorView) {
  GAVOTTE_CHECK(false,
                "int8 convolutions run on the CPU; got the device " + execution.device.to_string());
}

void Backend::batch_norm_forward(const Execution& execution, ConstTensorView, ConstTensorView,
                                 const BatchNormOptions&, const RunningStatistics&, TensorView,
                                 TensorView) {
  GAVOTTE_CHECK(false,
                "batch norm runs on the CPU; got the device " + execution.device.to_string());
}

void Backend::batch_norm_backward(const Execution& execution, ConstTensorView, ConstTensorView,
                                  ConstTensorView, ConstTensorView, const BatchNormOptions&,
                                  const BatchNormGradients&) {
  GAVOTTE_CHECK(false,
                "batch norm runs on the CPU; got the device " + execution.device.to_string());
}

void Backend::concatenate(const Execution& execution, std::span<const ConstTensorView> xs,
                          TensorView y) {
  std::int64_t column = 0;
  for (const ConstTensorView& x : xs) {
    scatter_rows(execution, x, {}, column, y);
    column += x.shape[1];
  }
}

}  // namespace gavotte::internal
