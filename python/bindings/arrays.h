// NumPy arrays and the library's tensors: one memory, seen from both sides.
#pragma once

#include <pybind11/numpy.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gavotte/tensor.h"

namespace gavotte::python {

/// The dtype of an array in native byte order. bfloat16, which NumPy lacks, travels as its bits in uint16.
/// Throws Error (type) for any other.
DType dtype_of_array(const pybind11::array& array, const std::string& what);
pybind11::dtype numpy_dtype(DType dtype);

/// The array's own memory, no copy. Throws Error (value) unless it is C-contiguous. `what` names it in messages.
ConstTensorView view_of(const pybind11::array& array, const std::string& what);

/// An array over memory that `owner` (any copyable value) keeps alive.
template <class Owner>
pybind11::array array_over(ConstTensorView view, Owner owner, bool writable) {
  auto* kept = new Owner(std::move(owner));
  const pybind11::capsule base(kept, [](void* held) { delete static_cast<Owner*>(held); });
  std::vector<pybind11::ssize_t> extents;
  for (int axis = 0; axis < view.shape.rank(); ++axis) extents.push_back(view.shape[axis]);
  pybind11::array array(numpy_dtype(view.dtype), std::move(extents), view.data, base);
  if (!writable) array.attr("flags").attr("writeable") = false;
  return array;
}

/// The memory of a tensor on the host; the array and every copy of the tensor share it.
pybind11::array array_of(const Tensor& tensor, bool writable = true);

/// A vector's own memory: [values], or [values / columns, columns] where columns > 0.
template <class T>
pybind11::array array_of(std::vector<T> values, std::int64_t columns = 0) {
  auto shared = std::make_shared<std::vector<T>>(std::move(values));
  const auto count = static_cast<std::int64_t>(shared->size());
  const Shape shape = columns > 0 ? Shape{count / columns, columns} : Shape{count};
  static T nothing = {};  // an array over null would be allocated anew
  return array_over(ConstTensorView(count > 0 ? shared->data() : &nothing, shape), shared, true);
}

}  // namespace gavotte::python
