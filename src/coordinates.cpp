// Coordinates: checks of what the user gives, and both stride styles.
#include "gavotte/coordinates.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "backend.h"
#include "check.h"

namespace gavotte {

namespace {

void check_stride(const PerAxis& stride, int dims) {
  GAVOTTE_CHECK(stride.count() == 0 || stride.count() == dims,
                "stride expects one number, or one for each of " + std::to_string(dims) +
                    " axes; got " + stride.to_string());
  for (int axis = 0; axis < dims; ++axis) {
    GAVOTTE_CHECK(stride[axis] >= 1,
                  "stride expects at least 1 on every axis; got " + stride.to_string());
  }
}

void check_values(const ConstTensorView& coordinates, const PerAxis& stride,
                  const Execution& execution) {
  GAVOTTE_CHECK_TYPE(coordinates.dtype == DType::int32,
                     "coordinates expect int32; got " + std::string(name(coordinates.dtype)));
  GAVOTTE_CHECK(coordinates.shape.rank() == 2 && coordinates.shape[1] >= 2 &&
                    coordinates.shape[1] <= 1 + kMaxDims,
                "coordinates expect the shape [N, 1 + D], batch first, D = 1 to 4; got " +
                    coordinates.shape.to_string());
  GAVOTTE_CHECK(
      coordinates.rows() <= std::numeric_limits<std::int32_t>::max(),
      "coordinates expect fewer than 2^31 rows; got " + std::to_string(coordinates.rows()));
  GAVOTTE_CHECK(coordinates.data != nullptr || coordinates.rows() == 0,
                "coordinates expect memory; got a null pointer");
  GAVOTTE_CHECK(coordinates.device == execution.device,
                "coordinates expect the device " + execution.device.to_string() + "; got " +
                    coordinates.device.to_string());
  check_stride(stride, static_cast<int>(coordinates.shape[1]) - 1);
}

std::shared_ptr<const internal::CoordinateData> make_set(const Execution& execution, Tensor lattice,
                                                         const PerAxis& stride) {
  auto data = internal::backend(execution.device).make_set(execution, std::move(lattice), stride);
  GAVOTTE_CHECK(data->rows == 0 || data->box.lower[0] >= 0,
                "coordinates expect batch indices of at least 0 in the first column; got " +
                    std::to_string(data->box.lower[0]));
  return data;
}

/// The value of an int32 element, wherever the tensor lies.
std::int64_t element(const ConstTensorView& tensor, std::int64_t index) {
  const auto* values = static_cast<const std::int32_t*>(tensor.data);
  const ConstTensorView one(values + index, DType::int32, {1}, tensor.device);
  return Tensor::copy_to(Device::cpu(), one).span<std::int32_t>()[0];
}

/// Divides multiples of the stride in place.
void divide(const Execution& execution, Tensor& lattice, const PerAxis& stride) {
  const std::int64_t bad = internal::backend(execution.device)
                               .scale_lattice(execution, lattice.view(), stride, true, lattice);
  if (bad < 0) return;
  const std::int64_t columns = lattice.shape()[1];
  GAVOTTE_CHECK(false, "expected multiples of the stride " + stride.to_string() + "; row " +
                           std::to_string(bad / columns) + " has " +
                           std::to_string(element(lattice, bad)) + " on axis " +
                           std::to_string(bad % columns - 1) +
                           ": pass StrideStyle::divided for lattice coordinates");
}

}  // namespace

Coordinates::Coordinates(ConstTensorView coordinates, PerAxis stride, StrideStyle style,
                         const Execution& execution) {
  check_values(coordinates, stride, execution);
  // On the stream of `execution`: what makes the coordinates may still be queued there.
  Tensor lattice(execution, DType::int32, coordinates.shape);
  if (coordinates.rows() > 0)
    internal::backend(execution.device).copy(execution, lattice, coordinates);
  if (style == StrideStyle::multiples) divide(execution, lattice, stride);
  data_ = make_set(execution, std::move(lattice), stride);
}

Coordinates Coordinates::sharing(Tensor lattice, PerAxis stride, const Execution& execution) {
  check_values(std::as_const(lattice).view(), stride, execution);
  return Coordinates(make_set(execution, std::move(lattice), stride));
}

std::int64_t Coordinates::rows() const noexcept { return data_ ? data_->rows : 0; }
int Coordinates::dims() const noexcept { return data_ ? data_->dims : 0; }
PerAxis Coordinates::stride() const noexcept { return data_ ? data_->stride : PerAxis(1); }
ConstTensorView Coordinates::lattice() const noexcept {
  return data_ ? data_->lattice.view() : ConstTensorView{};
}
ConstTensorView Coordinates::order() const noexcept {
  return data_ ? data_->order.view() : ConstTensorView{};
}
Execution Coordinates::execution() const {
  Execution execution = data_ ? data_->execution : Execution{};
  execution.device = device();
  return execution;
}
void Coordinates::use_on(const Execution& user) const {
  if (data_) data_->uses->begin(execution(), user);
}
Device Coordinates::device() const noexcept { return data_ ? data_->lattice.device() : Device{}; }

std::int64_t Coordinates::batch_size() const noexcept {
  return rows() == 0 ? 0 : data_->box.upper[0] + 1;
}

Tensor Coordinates::values(StrideStyle style) const {
  if (style == StrideStyle::divided || rows() == 0) return Tensor::copy_of(lattice());
  const Execution execution{.device = device()};
  Tensor values(execution, DType::int32, lattice().shape);
  const std::int64_t bad =
      internal::backend(execution.device)
          .scale_lattice(execution, lattice(), data_->stride, false, values.view());
  const std::int64_t columns = lattice().shape[1];
  GAVOTTE_CHECK(bad < 0, "expected multiples of the stride within int32; row " +
                             std::to_string(bad / columns) + " gives " +
                             std::to_string(element(lattice(), bad) *
                                            data_->stride[static_cast<int>(bad % columns) - 1]) +
                             ": use StrideStyle::divided");
  return values;
}

}  // namespace gavotte
