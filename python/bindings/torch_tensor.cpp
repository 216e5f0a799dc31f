#include "torch_tensor.h"

#include <pybind11/gil_safe_call_once.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "dlpack.h"
#include "gavotte/error.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

py::object interned(const char* text) {
  return py::reinterpret_steal<py::object>(PyUnicode_InternFromString(text));
}

/// What is asked of PyTorch, found once.
struct Known {
  py::object tensor_class;
  std::array<py::object, static_cast<std::size_t>(DType::float64) + 1>
      dtypes;  // each at the number of its DType
  decltype(dlpack::Exchange::tensor_from_object) exchange = nullptr;
  py::object contiguous = interned("contiguous"), data_ptr = interned("data_ptr"),
             dtype = interned("dtype"), get_device = interned("get_device"),
             shape = interned("shape");

  Known() {
    const auto torch = py::module_::import("torch");
    tensor_class = torch.attr("Tensor");
    for (std::size_t i = 0; i < dtypes.size(); ++i)
      dtypes[i] = torch.attr(std::string(name(static_cast<DType>(i))).c_str());
    if (py::hasattr(tensor_class, dlpack::exchange_attribute)) {
      const py::object capsule = tensor_class.attr(dlpack::exchange_attribute);
      const auto* header = static_cast<const dlpack::ExchangeHeader*>(
          PyCapsule_GetPointer(capsule.ptr(), dlpack::exchange_capsule));
      if (header == nullptr) throw py::error_already_set();
      while (header != nullptr && header->major > 1) header = header->previous;
      if (header != nullptr && header->major == 1)
        exchange = reinterpret_cast<const dlpack::Exchange*>(header)->tensor_from_object;
    }
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

template <class Extent>
Shape shape_of(std::int64_t axes, const char* what, Extent extent) {
  switch (axes) {
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

std::optional<DType> dtype_of(const dlpack::Tensor& tensor) {
  if (tensor.type_code == dlpack::code_float && tensor.bits == 32) return DType::float32;
  if (tensor.type_code == dlpack::code_float && tensor.bits == 16) return DType::float16;
  if (tensor.type_code == dlpack::code_float && tensor.bits == 64) return DType::float64;
  if (tensor.type_code == dlpack::code_bfloat && tensor.bits == 16) return DType::bfloat16;
  if (tensor.type_code == dlpack::code_int && tensor.bits == 64) return DType::int64;
  return std::nullopt;
}

bool is_contiguous(const dlpack::Tensor& tensor) {
  if (tensor.strides == nullptr) return true;
  // As PyTorch has it: one without elements is, whatever its strides.
  if (std::find(tensor.shape, tensor.shape + tensor.rank, 0) != tensor.shape + tensor.rank)
    return true;
  std::int64_t elements = 1;
  for (std::int32_t axis = tensor.rank; axis-- > 0;) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != elements) return false;
    elements *= tensor.shape[axis];
  }
  return true;
}

using Memory = TorchTensor::Memory;

/// A tenth of the time of the attributes.
Memory exchange_of(const dlpack::Tensor& tensor, py::handle object, const char* what) {
  const auto dtype = dtype_of(tensor);
  return {static_cast<char*>(tensor.data) + tensor.byte_offset,
          dtype ? *dtype : dtype_of(object, what),
          shape_of(tensor.rank, what, [&](int axis) { return tensor.shape[axis]; }),
          tensor.device_type == dlpack::device_cuda ? tensor.device_number : -1};
}

Memory attributes_of(py::handle tensor, const char* what) {
  const py::object extents = get(tensor, known().shape);  // a tuple of ints
  return {
      PyLong_AsVoidPtr(call(tensor, known().data_ptr).ptr()), dtype_of(tensor, what),
      shape_of(PyTuple_GET_SIZE(extents.ptr()), what,
               [&](int axis) { return PyLong_AsLongLong(PyTuple_GET_ITEM(extents.ptr(), axis)); }),
      static_cast<int>(PyLong_AsLong(call(tensor, known().get_device).ptr()))};
}

/// Nothing where it is not contiguous.
std::optional<Memory> memory_of(py::handle tensor, const char* what) {
  if (known().exchange == nullptr) {
    if (!call(tensor, known().contiguous).is(tensor)) return std::nullopt;
    return attributes_of(tensor, what);
  }
  dlpack::Tensor read;
  if (known().exchange(tensor.ptr(), &read) != 0) throw py::error_already_set();
  if (!is_contiguous(read)) return std::nullopt;
  return exchange_of(read, tensor, what);
}

py::object checked_class(py::handle tensor, const char* what) {
  auto* const expected = reinterpret_cast<PyTypeObject*>(known().tensor_class.ptr());
  if (PyType_IsSubtype(Py_TYPE(tensor.ptr()), expected) == 0)
    throw Error(ErrorKind::type, std::string(what) + ": expected a torch.Tensor, got " +
                                     Py_TYPE(tensor.ptr())->tp_name);
  return py::reinterpret_borrow<py::object>(tensor);
}

}  // namespace

TorchTensor::TorchTensor(py::handle tensor, const char* what)
    : kept_(checked_class(tensor, what)), what_(what) {
  std::optional<Memory> memory = memory_of(kept_, what);
  if (!memory) {
    kept_ = call(kept_, known().contiguous);
    is_copy_ = true;
    memory = memory_of(kept_, what);
  }
  memory_ = memory.value();
}

TensorView TorchTensor::out(const Device& device) const {
  if (is_copy_)
    throw Error(ErrorKind::value,
                std::string(what_) + ": expected contiguous memory to write to, got another");
  return {memory_.data, memory_.dtype, memory_.shape, device};
}

void TorchTensor::check_beside(const TorchTensor& other) const {
  if (memory_.device_number == other.memory_.device_number) return;
  const auto of = [](const TorchTensor& tensor) {
    return std::string(py::str(tensor.kept_.attr("device")));
  };
  throw Error(ErrorKind::value, std::string(what_) + ": expected a tensor on " + of(other) +
                                    " like " + other.what_ + ", got one on " + of(*this));
}

std::string TorchTensor::to_string() const {
  return std::string(py::str(kept_.attr("dtype"))) + " " + memory_.shape.to_string() + " on " +
         std::string(py::str(kept_.attr("device")));
}

}  // namespace gavotte::python
