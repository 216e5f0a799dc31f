// Views over memory, and memory that owns itself.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

#include "gavotte/device.h"
#include "gavotte/dtype.h"
#include "gavotte/shape.h"

namespace gavotte {

namespace internal {
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::uint8;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::int8;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::int32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::int64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::float64;
};
[[noreturn]] GAVOTTE_API void throw_wrong_dtype(DType expected, DType given);
[[noreturn]] GAVOTTE_API void throw_not_on_host(const Device& device);
}  // namespace internal

/// The DType of a C++ type: dtype_of<float> == DType::float32.
template <class T>
inline constexpr DType dtype_of = internal::DTypeOf<std::remove_const_t<T>>::value;

/// Contiguous row-major memory that someone else owns; read-only.
struct GAVOTTE_API ConstTensorView {
  const void* data = nullptr;
  DType dtype = DType::float32;
  Shape shape = {};
  Device device = {};

  ConstTensorView() = default;
  ConstTensorView(const void* data, DType dtype, Shape shape, Device device = {})
      : data(data), dtype(dtype), shape(shape), device(device) {}
  template <class T>
  ConstTensorView(const T* data, Shape shape) : data(data), dtype(dtype_of<T>), shape(shape) {}

  std::int64_t rows() const noexcept { return shape.rank() > 0 ? shape[0] : 1; }
  std::int64_t bytes() const { return shape.elements() * size_bytes(dtype); }
  explicit operator bool() const noexcept { return data != nullptr; }
  /// The elements as T; throws Error (type) where T is not the dtype, Error (value) on a GPU, whose memory the host
  /// cannot read.
  template <class T>
  std::span<const T> span() const {
    if (dtype_of<T> != dtype) internal::throw_wrong_dtype(dtype_of<T>, dtype);
    if (device.kind != DeviceKind::cpu) internal::throw_not_on_host(device);
    return {static_cast<const T*>(data), static_cast<std::size_t>(shape.elements())};
  }
};

/// Contiguous row-major memory that someone else owns; writable.
struct GAVOTTE_API TensorView {
  void* data = nullptr;
  DType dtype = DType::float32;
  Shape shape = {};
  Device device = {};

  TensorView() = default;
  TensorView(void* data, DType dtype, Shape shape, Device device = {})
      : data(data), dtype(dtype), shape(shape), device(device) {}
  template <class T>
  requires(!std::is_const_v<T>) TensorView(T* data, Shape shape)
      : data(data), dtype(dtype_of<T>), shape(shape) {}

  std::int64_t rows() const noexcept { return shape.rank() > 0 ? shape[0] : 1; }
  std::int64_t bytes() const { return shape.elements() * size_bytes(dtype); }
  explicit operator bool() const noexcept { return data != nullptr; }
  operator ConstTensorView() const {
    return {data, dtype, shape, device};
  }  // NOLINT: a view may always be read
  /// As ConstTensorView's.
  template <class T>
  std::span<T> span() const {
    if (dtype_of<T> != dtype) internal::throw_wrong_dtype(dtype_of<T>, dtype);
    if (device.kind != DeviceKind::cpu) internal::throw_not_on_host(device);
    return {static_cast<T*>(data), static_cast<std::size_t>(shape.elements())};
  }
};

/// Memory with a dtype and a shape, 64-byte aligned, shared by its copies. clone() makes a deep copy.
class GAVOTTE_API Tensor {
 public:
  Tensor() = default;
  /// Uninitialised memory on the device; throws Error (runtime) where there is not enough.
  Tensor(DType dtype, Shape shape, Device device = {});
  /// The same from execution.allocator, for work on the stream of `execution`: on a GPU the memory may be that of a tensor whose last
  /// reader is still queued there.
  Tensor(const Execution& execution, DType dtype, Shape shape);
  /// Memory of the caller's, kept as long as any copy of this tensor lives; throws Error (value) for null.
  Tensor(std::shared_ptr<void> memory, DType dtype, Shape shape, Device device);
  static Tensor zeros(DType dtype, Shape shape, Device device = {});
  static Tensor zeros(const Execution& execution, DType dtype, Shape shape);
  /// A copy of the view's elements on the view's device.
  static Tensor copy_of(ConstTensorView view);
  /// A copy on `device`, for both directions between host and GPU. Waits until the copy is done.
  static Tensor copy_to(Device device, ConstTensorView view);
  /// The same in the order of the stream of `execution`, whose device is the GPU where one side is on a GPU. Waits only
  /// where the other side is the host.
  static Tensor copy_to(const Execution& execution, Device device, ConstTensorView view);
  template <class T>
  static Tensor from(std::span<const T> values, Shape shape) {
    return copy_of(checked_view(values.data(), values.size(), dtype_of<T>, shape));
  }

  DType dtype() const noexcept { return view_.dtype; }
  const Shape& shape() const noexcept { return view_.shape; }
  Device device() const noexcept { return view_.device; }
  std::int64_t rows() const noexcept { return view_.rows(); }
  void* data() noexcept { return view_.data; }
  const void* data() const noexcept { return view_.data; }
  explicit operator bool() const noexcept { return storage_ != nullptr; }

  TensorView view() noexcept { return view_; }
  ConstTensorView view() const noexcept { return view_; }
  operator TensorView() noexcept { return view_; }             // NOLINT
  operator ConstTensorView() const noexcept { return view_; }  // NOLINT
  template <class T>
  std::span<T> span() {
    return view_.span<T>();
  }
  template <class T>
  std::span<const T> span() const {
    return ConstTensorView(view_).span<T>();
  }
  Tensor clone() const { return copy_of(view()); }
  Tensor to(Device device) const { return copy_to(device, view()); }

 private:
  static ConstTensorView checked_view(const void* data, std::size_t count, DType dtype,
                                      Shape shape);
  std::shared_ptr<void> storage_;
  TensorView view_;
};

}  // namespace gavotte
