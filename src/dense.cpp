// Dense <-> sparse: checks, then calls of the backend.
#include <limits>
#include <string>
#include <utility>

#include "backend.h"
#include "check.h"
#include "gavotte/sparse_ops.h"
#include "tensor_checks.h"

namespace gavotte {
namespace {

void check_axes(const char* what, const PerAxis& values, int dims) {
  GAVOTTE_CHECK(values.count() == 0 || values.count() == dims,
                std::string(what) + " must be one number, or one for each of " +
                    std::to_string(dims) + " axes; got " + values.to_string());
}

Shape dense_shape(std::int64_t batch_size, std::int64_t channels, const PerAxis& extent, int dims) {
  const auto at = [&](int axis) { return std::int64_t{extent[axis]}; };
  switch (dims) {
    case 1:
      return {batch_size, channels, at(0)};
    case 2:
      return {batch_size, channels, at(0), at(1)};
    case 3:
      return {batch_size, channels, at(0), at(1), at(2)};
    default:
      return {batch_size, channels, at(0), at(1), at(2), at(3)};
  }
}

}  // namespace

Tensor to_dense(const SparseTensor& x, std::int32_t batch_size, PerAxis origin, PerAxis extent) {
  internal::check_tensor("the sparse tensor", x);
  const internal::CoordinateData& set = *x.coordinates().data();
  check_axes("origin", origin, set.dims);
  check_axes("extent", extent, set.dims);
  GAVOTTE_CHECK(batch_size >= x.coordinates().batch_size(),
                "batch_size must be at least the coordinates' " +
                    std::to_string(x.coordinates().batch_size()) + ", got " +
                    std::to_string(batch_size));
  for (int axis = 0; axis < set.dims; ++axis) {
    GAVOTTE_CHECK(extent[axis] >= 1,
                  "extent must be at least 1 on every axis, got " + extent.to_string());
    if (set.rows == 0) continue;
    const auto column = static_cast<std::size_t>(axis) + 1;
    const std::int64_t end = std::int64_t{origin[axis]} + extent[axis];
    GAVOTTE_CHECK(set.box.lower[column] >= origin[axis] && set.box.upper[column] < end,
                  "every voxel must lie inside the grid, on axis " + std::to_string(axis) + " in " +
                      std::to_string(origin[axis]) + " to " + std::to_string(end - 1) +
                      " (lattice coordinates); the voxels lie in " +
                      std::to_string(set.box.lower[column]) + " to " +
                      std::to_string(set.box.upper[column]));
  }
  const Execution execution = x.manager().execution();
  Tensor result(execution, x.features().dtype(),
                dense_shape(batch_size, x.channels(), extent, set.dims));
  x.coordinates().use_on(execution);
  internal::backend(execution.device).to_dense(execution, set, x.features().view(), origin, result);
  return result;
}

SparseTensor from_dense(ConstTensorView dense, PerAxis origin, PerAxis stride,
                        const Execution& execution) {
  internal::check_floating("dense", dense);
  const int dims = dense.shape.rank() - 2;
  GAVOTTE_CHECK(dims >= 1 && dims <= kMaxDims, "dense must be [batch, C, axis 0, ...] with 1 to " +
                                                   std::to_string(kMaxDims) +
                                                   " spatial axes, got " + dense.shape.to_string());
  internal::check_memory("dense", dense, execution.device);
  check_axes("origin", origin, dims);
  check_axes("stride", stride, dims);
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  GAVOTTE_CHECK(dense.shape[0] <= kLargest, "dense must have fewer than 2^31 batch entries, got " +
                                                std::to_string(dense.shape[0]));
  for (int axis = 0; axis < dims; ++axis) {
    GAVOTTE_CHECK(stride[axis] >= 1,
                  "stride must be at least 1 on every axis, got " + stride.to_string());
    GAVOTTE_CHECK(origin[axis] + dense.shape[2 + axis] - 1 <= kLargest,
                  "origin plus extent must stay within int32, got " + std::to_string(origin[axis]) +
                      " + " + std::to_string(dense.shape[2 + axis]) + " on axis " +
                      std::to_string(axis));
  }
  Tensor lattice, features;
  internal::Backend& device = internal::backend(execution.device);
  device.from_dense(execution, dense, origin, lattice, features);
  GAVOTTE_CHECK(lattice.rows() <= kLargest,
                "a sparse tensor has fewer than 2^31 rows, got " + std::to_string(lattice.rows()));
  Coordinates coordinates(device.make_set(execution, std::move(lattice), stride));
  return {std::move(coordinates), std::move(features), CoordinateManager(execution)};
}

}  // namespace gavotte
