// Memory that owns itself, from the backend of its device.
#include "gavotte/tensor.h"

#include <limits>

#include "backend.h"
#include "check.h"

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

}  // namespace internal

Tensor::Tensor(DType dtype, Shape shape, Device device) {
  const std::size_t bytes = checked_bytes(dtype, shape);
  storage_ = internal::backend(device).allocate(device, static_cast<std::int64_t>(bytes));
  GAVOTTE_CHECK_RUNTIME(storage_ != nullptr,
                        "not enough memory for a tensor of " + std::string(name(dtype)) + " " +
                            shape.to_string() + " (" + std::to_string(bytes) + " bytes)");
  view_ = TensorView(storage_.get(), dtype, shape, device);
}

Tensor Tensor::zeros(DType dtype, Shape shape, Device device) {
  Tensor tensor(dtype, shape, device);
  internal::backend(device).fill_zero({.device = device}, tensor.view());
  return tensor;
}

Tensor Tensor::copy_of(ConstTensorView view) {
  Tensor tensor(view.dtype, view.shape, view.device);
  const auto bytes = static_cast<std::size_t>(view.bytes());
  if (bytes > 0) {
    GAVOTTE_CHECK(view.data != nullptr,
                  "cannot copy " + view.shape.to_string() + " elements from a null pointer");
    internal::backend(view.device).copy({.device = view.device}, tensor.view(), view);
  }
  return tensor;
}

ConstTensorView Tensor::checked_view(const void* data, std::size_t count, DType dtype,
                                     Shape shape) {
  GAVOTTE_CHECK(static_cast<std::int64_t>(count) == shape.elements(),
                "shape " + shape.to_string() + " needs " + std::to_string(shape.elements()) +
                    " values, got " + std::to_string(count));
  return {data, dtype, shape};
}

}  // namespace gavotte
