// Memory that owns itself, from the backend of its device.
#include "gavotte/tensor.h"

#include <limits>
#include <utility>

#include "backend.h"
#include "check.h"
#include "tensor_copies.h"

namespace gavotte {
namespace {

// Bytes of `shape`, or an Error where that passes what a pointer difference can hold.
std::size_t checked_bytes(DType dtype, const Shape& shape) {
  const std::int64_t elements = shape.elements();
  GAVOTTE_CHECK(elements <= std::numeric_limits<std::ptrdiff_t>::max() / size_bytes(dtype),
                "a tensor of " + std::string(name(dtype)) + " " + shape.to_string() +
                    " is larger than memory can be");
  return static_cast<std::size_t>(elements * size_bytes(dtype));
}

}  // namespace

namespace internal {

void throw_wrong_dtype(DType expected, DType given) {
  throw_error(ErrorKind::type,
              "tensor read as " + std::string(name(expected)) + ", but its dtype is " +
                  std::string(name(given)),
              __FILE__, __LINE__);
}

void throw_not_on_host(const Device& device) {
  throw_error(ErrorKind::value,
              "expected a tensor in the host's memory to read its elements; it is on " +
                  device.to_string() + ": copy it with to(Device::cpu())",
              __FILE__, __LINE__);
}

Tensor copy_on(const Execution& execution, Device device, ConstTensorView view) {
  Tensor tensor = device == execution.device ? Tensor(execution, view.dtype, view.shape)
                                             : Tensor(view.dtype, view.shape, device);
  if (view.bytes() == 0) return tensor;
  GAVOTTE_CHECK(view.data != nullptr,
                "cannot copy " + view.shape.to_string() + " elements from a null pointer");
  backend(execution.device).copy(execution, tensor.view(), view);
  return tensor;
}

}  // namespace internal

Tensor::Tensor(DType dtype, Shape shape, Device device)
    : Tensor(Execution{.device = device}, dtype, shape) {}

Tensor::Tensor(const Execution& execution, DType dtype, Shape shape) {
  const std::size_t bytes = checked_bytes(dtype, shape);
  const auto wanted = static_cast<std::int64_t>(bytes);
  if (Allocator* allocator = execution.allocator) {
    void* memory = allocator->allocate(execution, wanted);
    if (memory != nullptr)
      storage_ = {memory, [execution, wanted](void* data) {
                    execution.allocator->free(execution, data, wanted);
                  }};
  } else {
    storage_ = internal::backend(execution.device).allocate(execution, wanted);
  }
  GAVOTTE_CHECK_RUNTIME(storage_ != nullptr,
                        "not enough memory for a tensor of " + std::string(name(dtype)) + " " +
                            shape.to_string() + " (" + std::to_string(bytes) + " bytes)");
  view_ = TensorView(storage_.get(), dtype, shape, execution.device);
}

Tensor::Tensor(std::shared_ptr<void> memory, DType dtype, Shape shape, Device device)
    : storage_(std::move(memory)) {
  checked_bytes(dtype, shape);
  GAVOTTE_CHECK(storage_ != nullptr, "expected memory for a tensor; got a null pointer");
  view_ = TensorView(storage_.get(), dtype, shape, device);
}

Tensor Tensor::zeros(DType dtype, Shape shape, Device device) {
  return zeros(Execution{.device = device}, dtype, shape);
}

Tensor Tensor::zeros(const Execution& execution, DType dtype, Shape shape) {
  Tensor tensor(execution, dtype, shape);
  internal::backend(execution.device).fill_zero(execution, tensor.view());
  return tensor;
}

Tensor Tensor::copy_of(ConstTensorView view) { return copy_to(view.device, view); }

Tensor Tensor::copy_to(Device device, ConstTensorView view) {
  const Device worker = view.device.kind == DeviceKind::cpu ? device : view.device;
  return internal::copy_on({.device = worker}, device, view);
}

Tensor Tensor::copy_to(const Execution& execution, Device device, ConstTensorView view) {
  GAVOTTE_CHECK(execution.device == view.device ||
                    (view.device == Device::cpu() && execution.device == device),
                "expected an execution on " + view.device.to_string() + " to copy from there to " +
                    device.to_string() + ", got one on " + execution.device.to_string());
  return internal::copy_on(execution, device, view);
}

ConstTensorView Tensor::checked_view(const void* data, std::size_t count, DType dtype,
                                     Shape shape) {
  GAVOTTE_CHECK(static_cast<std::int64_t>(count) == shape.elements(),
                "shape " + shape.to_string() + " needs " + std::to_string(shape.elements()) +
                    " values, got " + std::to_string(count));
  return {data, dtype, shape};
}

}  // namespace gavotte
