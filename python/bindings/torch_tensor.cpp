#include "torch_tensor.h"

#include <pybind11/gil_safe_call_once.h>

#include <array>
#include <string>
#include <utility>

#include "gavotte/error.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

py::object interned(const char* text) {
  return py::reinterpret_steal<py::object>(PyUnicode_InternFromString(text));
}

/// PyTorch's dtypes, each at the number of its DType, and the names of what is asked for, made once.
struct Known {
  std::array<py::object, 7> dtypes;
  py::object contiguous = interned("contiguous"), data_ptr = interned("data_ptr"),
             dtype = interned("dtype"), get_device = interned("get_device"),
             shape = interned("shape");

  Known() {
    const auto torch = py::module_::import("torch");
    for (std::size_t i = 0; i < dtypes.size(); ++i)
      dtypes[i] = torch.attr(std::string(name(static_cast<DType>(i))).c_str());
  }
};

const Known& known() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<Known> storage;
  return storage.call_once_and_store_result([] { return Known(); }).get_stored();
}

py::object checked(PyObject* result) {
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}
py::object get(py::handle object, const py::object& name) {
  return checked(PyObject_GetAttr(object.ptr(), name.ptr()));
}
py::object call(py::handle object, const py::object& method) {
  return checked(PyObject_CallMethodNoArgs(object.ptr(), method.ptr()));
}

DType dtype_of(py::handle tensor, const char* what) {
  const py::object given = get(tensor, known().dtype);
  for (std::size_t i = 0; i < known().dtypes.size(); ++i)
    if (known().dtypes[i].is(given)) return static_cast<DType>(i);
  throw Error(ErrorKind::type, std::string(what) +
                                   ": expected float16, bfloat16, float32 or float64, got " +
                                   std::string(py::str(given)));
}

Shape shape_of(py::handle tensor, const char* what) {
  const py::object extents = get(tensor, known().shape);  // a tuple of ints
  const auto extent = [&](py::ssize_t axis) {
    return PyLong_AsLongLong(PyTuple_GET_ITEM(extents.ptr(), axis));
  };
  switch (const py::ssize_t axes = PyTuple_GET_SIZE(extents.ptr()); axes) {
    case 0:
      return {};
    case 1:
      return {extent(0)};
    case 2:
      return {extent(0), extent(1)};
    case 3:
      return {extent(0), extent(1), extent(2)};
    default:
      throw Error(ErrorKind::value,
                  std::string(what) + ": expected at most 3 axes, got " + std::to_string(axes));
  }
}

}  // namespace

TorchTensor::TorchTensor(py::handle tensor, const char* what)
    : kept_(call(tensor, known().contiguous)),
      what_(what),
      is_copy_(!kept_.is(tensor)),
      data_(PyLong_AsVoidPtr(call(kept_, known().data_ptr).ptr())),
      dtype_(dtype_of(kept_, what)),
      shape_(shape_of(kept_, what)),
      device_number_(static_cast<int>(PyLong_AsLong(call(kept_, known().get_device).ptr()))) {}

TensorView TorchTensor::out(const Device& device) const {
  if (is_copy_)
    throw Error(ErrorKind::value,
                std::string(what_) + ": expected contiguous memory to write to, got another");
  return {data_, dtype_, shape_, device};
}

void TorchTensor::check_beside(const TorchTensor& other) const {
  if (device_number_ == other.device_number_) return;
  const auto of = [](const TorchTensor& tensor) {
    return std::string(py::str(tensor.kept_.attr("device")));
  };
  throw Error(ErrorKind::value, std::string(what_) + ": expected a tensor on " + of(other) +
                                    " like " + other.what_ + ", got one on " + of(*this));
}

std::string TorchTensor::to_string() const {
  return std::string(py::str(kept_.attr("dtype"))) + " " + shape_.to_string() + " on " +
         std::string(py::str(kept_.attr("device")));
}

}  // namespace gavotte::python
