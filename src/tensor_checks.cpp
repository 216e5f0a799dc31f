// Checks of the views and tensors that the public operations are given.
#include "tensor_checks.h"

#include <string>

#include "backend.h"
#include "check.h"

namespace gavotte::internal {

void check_floating(const char* what, const ConstTensorView& view) {
  GAVOTTE_CHECK_TYPE(is_floating_point(view.dtype),
                     std::string(what) + " must be float16, bfloat16, float32 or float64, got " +
                         std::string(name(view.dtype)));
}

void check_dtype(const char* what, const ConstTensorView& view, DType expected) {
  GAVOTTE_CHECK_TYPE(view.dtype == expected,
                     std::string(what) + " must be " + std::string(name(expected)) +
                         " like the rest, got " + std::string(name(view.dtype)));
}

void check_shape(const char* what, const ConstTensorView& view, const Shape& expected,
                 const char* meaning) {
  GAVOTTE_CHECK(view.shape == expected, std::string(what) + " must be " + meaning + " = " +
                                            expected.to_string() + ", got " +
                                            view.shape.to_string());
}

void check_memory(const char* what, const ConstTensorView& view, const Device& device) {
  GAVOTTE_CHECK(view.data != nullptr || view.shape.elements() == 0,
                std::string(what) + " " + view.shape.to_string() + " has no memory (null pointer)");
  GAVOTTE_CHECK(view.device == device, std::string(what) + " must be on " + device.to_string() +
                                           ", where the call runs; it is on " +
                                           view.device.to_string());
}

void check_matrix(const char* what, const ConstTensorView& view, std::int64_t rows,
                  const char* rows_of) {
  check_floating(what, view);
  GAVOTTE_CHECK(view.shape.rank() == 2,
                std::string(what) + " must be [rows, channels], got " + view.shape.to_string());
  GAVOTTE_CHECK(view.shape[0] == rows,
                std::string(what) + " must have the " + std::to_string(rows) + " " + rows_of +
                    " rows of the kernel map, got " + std::to_string(view.shape[0]));
}

void check_out(const TensorView& out, DType dtype, const Shape& shape, const char* meaning,
               const Execution& execution) {
  check_dtype("out", out, dtype);
  check_shape("out", out, shape, meaning);
  check_memory("out", out, execution.device);
}

void check_map(const KernelMap& map) {
  GAVOTTE_CHECK(bool{map}, "the kernel map is empty (default constructed)");
}

DType accumulator_of(DType dtype) {
  return dtype == DType::float64 ? DType::float64 : DType::float32;
}

void check_epilogue(const Epilogue& epilogue, DType dtype, std::int64_t rows, std::int64_t channels,
                    const Device& device) {
  const auto check_vector = [&](const char* what, const ConstTensorView& view) {
    if (!view) return;
    GAVOTTE_CHECK_TYPE(view.dtype == accumulator_of(dtype),
                       std::string(what) + " must be " + std::string(name(accumulator_of(dtype))) +
                           " for " + std::string(name(dtype)) + " features, got " +
                           std::string(name(view.dtype)));
    check_shape(what, view, {channels}, "[Cout]");
    check_memory(what, view, device);
  };
  check_vector("epilogue scale", epilogue.scale);
  check_vector("epilogue shift", epilogue.shift);
  if (epilogue.residual) {
    check_dtype("epilogue residual", epilogue.residual, dtype);
    check_shape("epilogue residual", epilogue.residual, {rows, channels}, "[output rows, Cout]");
    check_memory("epilogue residual", epilogue.residual, device);
  }
  const auto activation = static_cast<int>(epilogue.activation);
  GAVOTTE_CHECK(activation >= 0 && activation <= static_cast<int>(Activation::sigmoid),
                "activation holds no value of its enum: " + std::to_string(activation));
}

void check_config(const ConvConfig& config, const Device& device) {
  config.validate();
  const bool on_cuda = backend(device).kind() == DeviceKind::cuda;
  const bool needs_cuda =
      config.dataflow == Dataflow::implicit_gemm || config.dataflow == Dataflow::minuet;
  const bool needs_cpu = config.dataflow == Dataflow::tile_indirect;
  GAVOTTE_CHECK(on_cuda ? !needs_cpu : !needs_cuda,
                "dataflow " + std::string(name(config.dataflow)) + " is one of " +
                    (on_cuda ? "the CPU's" : "CUDA's") + ", and this runs on " +
                    device.to_string() + ": choose automatic or gather_gemm_scatter");
  GAVOTTE_CHECK(on_cuda || config.gemm_columns == 0,
                "ConvConfig::gemm_columns is of CUDA's tiles; expected 0 on " + device.to_string() +
                    ", got " + std::to_string(config.gemm_columns));
  GAVOTTE_CHECK(!on_cuda || config.threads == 0,
                "ConvConfig::threads is of the CPU's threads; expected 0 on " + device.to_string() +
                    ", got " + std::to_string(config.threads));
}

void check_tensor(const char* what, const SparseTensor& x) {
  GAVOTTE_CHECK(bool{x.coordinates()}, std::string(what) + " is empty (default constructed)");
}

}  // namespace gavotte::internal
