// Memory that owns itself: aligned for the widest vector and for a cache line.
#include "gavotte/tensor.h"

#include <cstring>
#include <limits>
#include <new>

#include "check.h"

namespace gavotte {
namespace {

constexpr std::size_t kAlignment = 64;

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
  GAVOTTE_CHECK_RUNTIME(
      device.kind == DeviceKind::cpu,
      "no backend is present for device " + device.to_string() + "; available: cpu");
  // An empty tensor owns an address too, so that "has storage" and "has elements" stay two
  // questions.
  void* data = ::operator new (bytes > 0 ? bytes : 1, std::align_val_t{kAlignment}, std::nothrow);
  GAVOTTE_CHECK_RUNTIME(data != nullptr, "not enough memory for a tensor of " +
                                             std::string(name(dtype)) + " " + shape.to_string() +
                                             " (" + std::to_string(bytes) + " bytes)");
  storage_ = std::shared_ptr<void>(
      data, [](void* p) { ::operator delete (p, std::align_val_t{kAlignment}); });
  view_ = TensorView(data, dtype, shape, device);
}

Tensor Tensor::zeros(DType dtype, Shape shape, Device device) {
  Tensor tensor(dtype, shape, device);
  std::memset(tensor.data(), 0, static_cast<std::size_t>(tensor.view_.bytes()));
  return tensor;
}

Tensor Tensor::copy_of(ConstTensorView view) {
  Tensor tensor(view.dtype, view.shape, view.device);
  const auto bytes = static_cast<std::size_t>(view.bytes());
  if (bytes > 0) {
    GAVOTTE_CHECK(view.data != nullptr,
                  "cannot copy " + view.shape.to_string() + " elements from a null pointer");
    std::memcpy(tensor.data(), view.data, bytes);
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
