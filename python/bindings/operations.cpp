// The operations on features, for memory that the caller owns. Tensors come as addresses and extents; a token names
// the kernel map or the coordinate set. Every call checks its arguments as the C++ functions do.
#include <cstdint>

#include "bindings.h"
#include "execution.h"
#include "gavotte/convolution.h"
#include "gavotte/error.h"
#include "gavotte/pooling.h"
#include "tokens.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

using Address = std::uintptr_t;
using Size = std::int64_t;

/// dtype, device, stream and threads of a call: the same for all of its tensors.
struct Where {
  DType dtype;
  Execution execution;

  Where(int dtype_number, int device, Address stream, int threads)
      : dtype(static_cast<DType>(dtype_number)), execution(execution_on(device, stream, threads)) {}
  // Empty tensors of PyTorch have no memory; the library asks for some where there are elements.
  ConstTensorView in(Address address, Shape shape) const {
    return {reinterpret_cast<const void*>(address), dtype, shape, execution.device};
  }
  TensorView out(Address address, Shape shape) const {
    return {reinterpret_cast<void*>(address), dtype, shape, execution.device};
  }
};

PoolMode mode_of(int number) { return static_cast<PoolMode>(number); }

void convolution_forward(Address token, Address y, Address x, Size in_rows, Size in_channels,
                         Address weights, Size offsets, Size in_group, Size out_channels,
                         Address bias, Size out_rows, int groups, bool allow_tf32, int dtype,
                         int device, Address stream, int threads) {
  const KernelMap map = map_of(token);
  const py::gil_scoped_release released;
  const Where where(dtype, device, stream, threads);
  Epilogue epilogue;
  if (bias != 0)
    epilogue.shift = {reinterpret_cast<const void*>(bias),
                      where.dtype == DType::float64 ? DType::float64 : DType::float32,
                      {out_channels},
                      where.execution.device};
  ConvConfig config;
  config.allow_tf32 = allow_tf32;
  convolution_into(where.out(y, {out_rows, out_channels}), where.in(x, {in_rows, in_channels}),
                   where.in(weights, {offsets, in_group, out_channels}), map, groups, epilogue,
                   config, where.execution);
}

void convolution_dgrad(Address token, Address grad_x, Address grad_y, Size out_rows,
                       Size out_channels, Address weights, Size offsets, Size in_group,
                       Size in_rows, int groups, bool allow_tf32, int dtype, int device,
                       Address stream, int threads) {
  const KernelMap map = map_of(token);
  const py::gil_scoped_release released;
  const Where where(dtype, device, stream, threads);
  ConvConfig config;
  config.allow_tf32 = allow_tf32;
  convolution_dgrad_into(
      where.out(grad_x, {in_rows, in_group * groups}), where.in(grad_y, {out_rows, out_channels}),
      where.in(weights, {offsets, in_group, out_channels}), map, groups, config, where.execution);
}

void convolution_wgrad(Address token, Address grad_weights, Address x, Size in_rows,
                       Size in_channels, Address grad_y, Size out_rows, Size out_channels,
                       Size offsets, int groups, bool allow_tf32, int dtype, int device,
                       Address stream, int threads) {
  const KernelMap map = map_of(token);
  if (groups < 1)
    throw Error(ErrorKind::value, "groups must be at least 1, got " + std::to_string(groups));
  const py::gil_scoped_release released;
  const Where where(dtype, device, stream, threads);
  ConvConfig config;
  config.allow_tf32 = allow_tf32;
  convolution_wgrad_into(where.out(grad_weights, {offsets, in_channels / groups, out_channels}),
                         where.in(x, {in_rows, in_channels}),
                         where.in(grad_y, {out_rows, out_channels}), map, groups, config,
                         where.execution);
}

void pool_forward(Address token, Address y, Address x, Size in_rows, Size channels, Size out_rows,
                  int mode, int dtype, int device, Address stream, int threads) {
  const KernelMap map = map_of(token);
  const py::gil_scoped_release released;
  const Where where(dtype, device, stream, threads);
  pool_into(where.out(y, {out_rows, channels}), where.in(x, {in_rows, channels}), map,
            mode_of(mode), where.execution);
}

void pool_grad(Address token, Address grad_x, Address x, Address y, Address grad_y, Size in_rows,
               Size channels, Size out_rows, int mode, int dtype, int device, Address stream,
               int threads) {
  const KernelMap map = map_of(token);
  const py::gil_scoped_release released;
  const Where where(dtype, device, stream, threads);
  pool_backward_into(where.out(grad_x, {in_rows, channels}), where.in(x, {in_rows, channels}),
                     where.in(y, {out_rows, channels}), where.in(grad_y, {out_rows, channels}), map,
                     mode_of(mode), where.execution);
}

void global_pool_forward(Address token, Address y, Address x, Size rows, Size channels,
                         Size batch_size, int mode, int dtype, int device, Address stream,
                         int threads) {
  const Coordinates coordinates = coordinates_of(token);
  const py::gil_scoped_release released;
  const Where where(dtype, device, stream, threads);
  global_pool_into(where.out(y, {batch_size, channels}), where.in(x, {rows, channels}), coordinates,
                   static_cast<std::int32_t>(batch_size), mode_of(mode), where.execution);
}

void global_pool_grad(Address token, Address grad_x, Address x, Address y, Address grad_y,
                      Size rows, Size channels, Size batch_size, int mode, int dtype, int device,
                      Address stream, int threads) {
  const Coordinates coordinates = coordinates_of(token);
  const py::gil_scoped_release released;
  const Where where(dtype, device, stream, threads);
  global_pool_backward_into(where.out(grad_x, {rows, channels}), where.in(x, {rows, channels}),
                            where.in(y, {batch_size, channels}),
                            where.in(grad_y, {batch_size, channels}), coordinates, mode_of(mode),
                            where.execution);
}

}  // namespace

void bind_operations(py::module_& module) {
  module.def("convolution_forward", &convolution_forward);
  module.def("convolution_dgrad", &convolution_dgrad);
  module.def("convolution_wgrad", &convolution_wgrad);
  module.def("pool_forward", &pool_forward);
  module.def("pool_grad", &pool_grad);
  module.def("global_pool_forward", &global_pool_forward);
  module.def("global_pool_grad", &global_pool_grad);
}

}  // namespace gavotte::python
