#include "arrays.h"

#include "gavotte/error.h"

namespace py = pybind11;

namespace gavotte::python {

DType dtype_of_array(const py::array& array, const std::string& what) {
  const py::dtype dtype = array.dtype();
  const char order = dtype.byteorder();
  if (order == '=' || order == '|') {
    switch (dtype.kind()) {
      case 'f':
        if (dtype.itemsize() == 2) return DType::float16;
        if (dtype.itemsize() == 4) return DType::float32;
        if (dtype.itemsize() == 8) return DType::float64;
        break;
      case 'i':
        if (dtype.itemsize() == 1) return DType::int8;
        if (dtype.itemsize() == 4) return DType::int32;
        if (dtype.itemsize() == 8) return DType::int64;
        break;
      case 'u':
        if (dtype.itemsize() == 1) return DType::uint8;
        if (dtype.itemsize() == 2) return DType::bfloat16;
        break;
      default:
        break;
    }
  }
  throw Error(ErrorKind::type, what +
                                   ": expected a dtype among uint8, int8, int32, int64, float16, "
                                   "float32, float64 and uint16 (bits of "
                                   "bfloat16), got " +
                                   std::string(py::str(dtype)));
}

py::dtype numpy_dtype(DType dtype) {
  switch (dtype) {
    case DType::uint8:
      return py::dtype("uint8");
    case DType::int8:
      return py::dtype("int8");
    case DType::int32:
      return py::dtype("int32");
    case DType::int64:
      return py::dtype("int64");
    case DType::float16:
      return py::dtype("float16");
    case DType::bfloat16:
      return py::dtype("uint16");
    case DType::float32:
      return py::dtype("float32");
    case DType::float64:
      break;
  }
  return py::dtype("float64");
}

ConstTensorView view_of(const py::array& array, const std::string& what) {
  const DType dtype = dtype_of_array(array, what);
  if ((array.flags() & py::array::c_style) == 0) {
    throw Error(ErrorKind::value,
                what + ": expected a C-contiguous array; make it one with numpy.ascontiguousarray");
  }
  const auto extent = [&](py::ssize_t axis) {
    return static_cast<std::int64_t>(array.shape(axis));
  };
  switch (array.ndim()) {
    case 0:
      return {array.data(), dtype, Shape{}};
    case 1:
      return {array.data(), dtype, Shape{extent(0)}};
    case 2:
      return {array.data(), dtype, Shape{extent(0), extent(1)}};
    case 3:
      return {array.data(), dtype, Shape{extent(0), extent(1), extent(2)}};
    case 4:
      return {array.data(), dtype, Shape{extent(0), extent(1), extent(2), extent(3)}};
    case 5:
      return {array.data(), dtype, Shape{extent(0), extent(1), extent(2), extent(3), extent(4)}};
    case 6:
      return {array.data(), dtype,
              Shape{extent(0), extent(1), extent(2), extent(3), extent(4), extent(5)}};
    default:
      throw Error(ErrorKind::value,
                  what + ": expected 0 to 6 axes, got " + std::to_string(array.ndim()));
  }
}

py::array array_of(const Tensor& tensor, bool writable) {
  const ConstTensorView view = tensor.view();
  if (view.device.kind != DeviceKind::cpu) return array_of(tensor.to(Device::cpu()), writable);
  return array_over(view, tensor, writable);
}

}  // namespace gavotte::python
