// Features on a set of coordinates.
#pragma once

#include <string>

#include "gavotte/coordinate_manager.h"

namespace gavotte {

/// Features [N, C] (float16, bfloat16, float32, float64) on coordinates [N, 1 + D]. Copies share the data.
class GAVOTTE_API SparseTensor {
 public:
  SparseTensor() = default;
  /// Copies both views. Throws Error: row counts differ, dtypes, devices, duplicates (see Coordinates).
  SparseTensor(ConstTensorView coordinates, ConstTensorView features, PerAxis stride = 1,
               StrideStyle style = StrideStyle::divided, const Execution& execution = {});
  /// Shares the set and the features. Throws Error where the row counts or the devices differ.
  SparseTensor(Coordinates coordinates, Tensor features, CoordinateManager manager);

  const Coordinates& coordinates() const noexcept { return coordinates_; }
  const Tensor& features() const noexcept { return features_; }
  CoordinateManager& manager() const noexcept { return manager_; }
  std::int64_t rows() const noexcept { return coordinates_.rows(); }
  std::int64_t channels() const noexcept {
    return features_.shape().rank() == 2 ? features_.shape()[1] : 0;
  }
  PerAxis stride() const noexcept { return coordinates_.stride(); }
  /// The same coordinates with other features; throws Error where the row counts differ.
  SparseTensor with_features(Tensor features) const;
  std::string to_string() const;

 private:
  Coordinates coordinates_;
  Tensor features_;
  mutable CoordinateManager manager_;
};

}  // namespace gavotte
