// SparseTensor: features and the set that they lie on.
#include "gavotte/sparse_tensor.h"

#include <utility>

#include "check.h"
#include "tensor_checks.h"
#include "tensor_copies.h"

namespace gavotte {

namespace {

void check_features(ConstTensorView features, std::int64_t rows, const Device& device) {
  internal::check_floating("features", features);
  GAVOTTE_CHECK(features.shape.rank() == 2 && features.shape[0] == rows,
                "features expect the shape [" + std::to_string(rows) +
                    ", C], a row for each coordinate; got " + features.shape.to_string());
  internal::check_memory("features", features, device);
}

}  // namespace

SparseTensor::SparseTensor(ConstTensorView coordinates, ConstTensorView features, PerAxis stride,
                           StrideStyle style, const Execution& execution)
    : manager_(execution) {
  const std::int64_t rows = coordinates.shape.rank() > 0 ? coordinates.shape[0] : 0;
  check_features(features, rows, execution.device);
  coordinates_ = Coordinates(coordinates, stride, style, execution);
  features_ = internal::copy_on(execution, execution.device, features);
}

SparseTensor::SparseTensor(Coordinates coordinates, Tensor features, CoordinateManager manager)
    : coordinates_(std::move(coordinates)),
      features_(std::move(features)),
      manager_(std::move(manager)) {
  GAVOTTE_CHECK(static_cast<bool>(coordinates_), "expected a coordinate set; got an empty handle");
  check_features(std::as_const(features_).view(), coordinates_.rows(), coordinates_.device());
  GAVOTTE_CHECK(manager_.execution().device == coordinates_.device(),
                "expected a manager on the device of the coordinates, " +
                    coordinates_.device().to_string() + "; got " +
                    manager_.execution().device.to_string());
}

SparseTensor SparseTensor::with_features(Tensor features) const {
  return SparseTensor(coordinates_, std::move(features), manager_);
}

std::string SparseTensor::to_string() const {
  if (!coordinates_) return "SparseTensor(empty handle)";
  return "SparseTensor(" + std::to_string(rows()) + " voxels, " + std::to_string(channels()) +
         " channels " + std::string(name(features_.dtype())) + ", " +
         std::to_string(coordinates_.dims()) + " axes, stride " + stride().to_string() + ", " +
         coordinates_.device().to_string() + ")";
}

}  // namespace gavotte
