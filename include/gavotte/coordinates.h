// A set of coordinates: where a sparse tensor has rows.
#pragma once

#include <cstdint>
#include <memory>

#include "gavotte/tensor.h"

namespace gavotte {

/// divided: coordinates in units of the tensor's stride (spconv, torchsparse 2). multiples: coordinates of the finest
/// lattice, multiples of the stride (MinkowskiEngine, torchsparse 1).
enum class StrideStyle { divided, multiples };

namespace internal {
struct CoordinateData;
}

/// An immutable set of distinct integer coordinates, int32 [N, 1 + D], batch first, D = 1 to 4. Copies share the data.
/// Sets that the library makes have their rows in lexicographic order; a set that a user gives keeps his order.
class GAVOTTE_API Coordinates {
 public:
  Coordinates() = default;
  /// Copies and sorts the view (int32 [N, 1 + D], any int32 value; batch index >= 0).
  /// stride: of the tensor, in finest voxels. style: what the given numbers mean; the set keeps lattice coordinates.
  /// Throws Error (value): a duplicate (names the first pair of rows), a negative batch index, a coordinate that is
  /// no multiple of the stride; Error (type): another dtype.
  explicit Coordinates(ConstTensorView coordinates, PerAxis stride = 1,
                       StrideStyle style = StrideStyle::divided, const Execution& execution = {});
  /// The same without a copy: lattice coordinates (StrideStyle::divided) whose memory the set shares. Nobody may
  /// change them while the set lives.
  static Coordinates sharing(Tensor lattice, PerAxis stride = 1, const Execution& execution = {});

  std::int64_t rows() const noexcept;
  int dims() const noexcept;  ///< D, without the batch index.
  PerAxis stride() const noexcept;
  /// Lattice coordinates (divided by the stride), int32 [N, 1 + D], on the set's device.
  ConstTensorView lattice() const noexcept;
  /// A copy in the wanted style; throws Error (value) where a multiple leaves int32.
  Tensor values(StrideStyle style) const;
  /// Rows in key order: int32 [N], order[j] is the row of the j-th smallest coordinate. No data: rows are in key order.
  ConstTensorView order() const noexcept;
  std::int64_t batch_size() const noexcept;  ///< 1 + the largest batch index; 0 for an empty set.
  Device device() const noexcept;
  /// That it was made with: its memory belongs to that stream.
  Execution execution() const;
  /// As KernelMap::use_on.
  void use_on(const Execution& execution) const;
  /// Same data (not merely equal values).
  bool same_as(const Coordinates& other) const noexcept { return data_ == other.data_; }
  explicit operator bool() const noexcept { return data_ != nullptr; }

  const std::shared_ptr<const internal::CoordinateData>& data() const noexcept { return data_; }
  explicit Coordinates(std::shared_ptr<const internal::CoordinateData> data)
      : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::CoordinateData> data_;
};

}  // namespace gavotte
