// Operations that join sparse tensors or take rows of one: checks, then calls of the backend.
#include "gavotte/sparse_ops.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend.h"
#include "check.h"
#include "tensor_checks.h"

namespace gavotte {
namespace {

using internal::backend;
using internal::check_tensor;

void check_joinable(const Coordinates& a, const Coordinates& b) {
  const int dims = a.dims();
  GAVOTTE_CHECK(b.dims() == dims, "tensors to join must have equally many axes, got " +
                                      std::to_string(dims) + " and " + std::to_string(b.dims()));
  for (int axis = 0; axis < dims; ++axis)
    GAVOTTE_CHECK(a.stride()[axis] == b.stride()[axis],
                  "tensors to join must have the same stride, got " + a.stride().to_string() +
                      " and " + b.stride().to_string());
}

void check_joinable(const SparseTensor& a, const SparseTensor& b) {
  check_tensor("a sparse tensor", a);
  check_tensor("a sparse tensor", b);
  check_joinable(a.coordinates(), b.coordinates());
  GAVOTTE_CHECK_TYPE(a.features().dtype() == b.features().dtype(),
                     "tensors to join must have the same dtype, got " +
                         std::string(name(a.features().dtype())) + " and " +
                         std::string(name(b.features().dtype())));
  GAVOTTE_CHECK(a.features().device() == b.features().device(),
                "tensors to join must be on the same device, got " +
                    a.features().device().to_string() + " and " +
                    b.features().device().to_string());
}

// A set that holds every coordinate of some tensors, and where the rows of each tensor lie in it.
struct Union {
  Coordinates coordinates;
  std::vector<Tensor> rows;  // int32 [rows of the tensor]; empty where all tensors share one set
};

// Unites one set after the other; what was united before moves along with each step.
Union unite(const Execution& execution, std::span<const SparseTensor* const> tensors) {
  Union result{tensors.front()->coordinates(), {}};
  std::vector<const Coordinates*> sets;
  std::vector<Tensor> rows;         // of each different set
  std::vector<std::size_t> set_of;  // for each tensor
  for (const SparseTensor* tensor : tensors) {
    std::size_t index = 0;
    while (index < sets.size() && !sets[index]->same_as(tensor->coordinates())) ++index;
    set_of.push_back(index);
    if (index < sets.size()) continue;
    sets.push_back(&tensor->coordinates());
    if (sets.size() == 1) continue;
    Tensor row_of_union, row_of_set;
    result.coordinates.use_on(execution);
    tensor->coordinates().use_on(execution);
    auto data = backend(execution.device)
                    .unite(execution, *result.coordinates.data(), *tensor->coordinates().data(),
                           row_of_union, row_of_set);
    if (rows.empty()) {
      rows.push_back(row_of_union);
    } else {
      for (Tensor& earlier : rows) {
        Tensor moved(execution, DType::int32, earlier.shape());
        backend(execution.device).gather_rows(execution, row_of_union, earlier, moved);
        earlier = std::move(moved);
      }
    }
    rows.push_back(std::move(row_of_set));
    result.coordinates = Coordinates(std::move(data));
  }
  if (sets.size() > 1)
    for (const std::size_t index : set_of) result.rows.push_back(rows[index]);
  return result;
}

}  // namespace

SparseTensor combine(const SparseTensor& a, const SparseTensor& b, BinaryOp op) {
  const auto value = static_cast<int>(op);
  GAVOTTE_CHECK(value >= 0 && value <= static_cast<int>(BinaryOp::multiply),
                "operation holds no value of its enum: " + std::to_string(value));
  check_joinable(a, b);
  GAVOTTE_CHECK(a.channels() == b.channels(),
                "tensors to combine must have equally many channels, got " +
                    std::to_string(a.channels()) + " and " + std::to_string(b.channels()));
  const Execution execution = a.manager().execution();
  internal::Backend& device = backend(execution.device);
  const DType dtype = a.features().dtype();
  const SparseTensor* const tensors[] = {&a, &b};
  const Union joined = unite(execution, tensors);
  const Shape shape = {joined.coordinates.rows(), a.channels()};
  Tensor result(execution, dtype, shape);
  if (joined.rows.empty()) {
    device.binary(execution, op, a.features().view(), b.features().view(), result);
    return {joined.coordinates, std::move(result), a.manager()};
  }
  Tensor spread[2];
  for (std::size_t i = 0; i < 2; ++i) {
    spread[i] = Tensor::zeros(execution, dtype, shape);
    device.scatter_rows(execution, tensors[i]->features().view(), joined.rows[i], 0, spread[i]);
  }
  device.binary(execution, op, spread[0], spread[1], result);
  return {joined.coordinates, std::move(result), a.manager()};
}

SparseTensor concatenate(std::span<const SparseTensor> tensors) {
  GAVOTTE_CHECK(!tensors.empty(), "concatenation expects at least one tensor, got none");
  const SparseTensor& first = tensors.front();
  std::vector<const SparseTensor*> pointers;
  std::int64_t channels = 0;
  for (const SparseTensor& tensor : tensors) {
    check_joinable(first, tensor);
    pointers.push_back(&tensor);
    channels += tensor.channels();
  }
  const Execution execution = first.manager().execution();
  const Union joined = unite(execution, pointers);
  const Shape shape = {joined.coordinates.rows(), channels};
  const DType dtype = first.features().dtype();
  // On one set every element is written, so only a union starts from zeros.
  Tensor result = joined.rows.empty() ? Tensor(execution, dtype, shape)
                                      : Tensor::zeros(execution, dtype, shape);
  internal::Backend& device = backend(execution.device);
  if (joined.rows.empty()) {
    std::vector<ConstTensorView> views;
    for (const SparseTensor* tensor : pointers) views.push_back(tensor->features().view());
    device.concatenate(execution, views, result);
  } else {
    std::int64_t column = 0;
    for (std::size_t i = 0; i < pointers.size(); ++i) {
      device.scatter_rows(execution, pointers[i]->features().view(), joined.rows[i], column,
                          result);
      column += pointers[i]->channels();
    }
  }
  return {joined.coordinates, std::move(result), first.manager()};
}

CoordinateUnion unite(const Coordinates& a, const Coordinates& b, const Execution& execution) {
  GAVOTTE_CHECK(bool{a} && bool{b}, "the coordinates are empty (default constructed)");
  check_joinable(a, b);
  GAVOTTE_CHECK(a.device() == execution.device && b.device() == execution.device,
                "the coordinates must be on " + execution.device.to_string() +
                    ", where the call runs; they are on " + a.device().to_string() + " and " +
                    b.device().to_string());
  CoordinateUnion result;
  a.use_on(execution);
  b.use_on(execution);
  result.coordinates =
      Coordinates(backend(execution.device)
                      .unite(execution, *a.data(), *b.data(), result.row_of_a, result.row_of_b));
  return result;
}

SparseTensor prune(const SparseTensor& x, ConstTensorView keep) {
  check_tensor("the sparse tensor", x);
  GAVOTTE_CHECK_TYPE(keep.dtype == DType::uint8,
                     "keep must be uint8, got " + std::string(name(keep.dtype)));
  internal::check_shape("keep", keep, {x.rows()}, "[rows]");
  const Execution execution = x.manager().execution();
  internal::check_memory("keep", keep, execution.device);
  internal::Backend& device = backend(execution.device);
  const Tensor rows = device.kept_rows(execution, keep);
  const ConstTensorView all = x.coordinates().lattice();
  Tensor lattice(execution, DType::int32, {rows.rows(), all.shape[1]});
  device.gather_rows(execution, all, rows, lattice);
  Tensor features(execution, x.features().dtype(), {rows.rows(), x.channels()});
  device.gather_rows(execution, x.features().view(), rows, features);
  Coordinates kept(device.make_set(execution, std::move(lattice), x.stride()));
  return {std::move(kept), std::move(features), x.manager()};
}

Tensor apply_epilogue(ConstTensorView features, const Epilogue& epilogue,
                      const Execution& execution) {
  internal::check_floating("features", features);
  GAVOTTE_CHECK(features.shape.rank() == 2,
                "features must be [rows, channels], got " + features.shape.to_string());
  internal::check_memory("features", features, execution.device);
  internal::check_epilogue(epilogue, features.dtype, features.shape[0], features.shape[1],
                           execution.device);
  Tensor result(execution, features.dtype, features.shape);
  backend(execution.device).epilogue(execution, features, epilogue, result);
  return result;
}

Tensor convert(ConstTensorView values, DType dtype, const Execution& execution) {
  internal::check_floating("values", values);
  GAVOTTE_CHECK_TYPE(is_floating_point(dtype),
                     "the wanted dtype must be float16, bfloat16, float32 or float64, got " +
                         std::string(name(dtype)));
  internal::check_memory("values", values, execution.device);
  Tensor result(execution, dtype, values.shape);
  backend(execution.device).convert(execution, values, result);
  return result;
}

}  // namespace gavotte
