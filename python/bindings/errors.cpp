// The library's one exception becomes Python's built-in ones, message unchanged.
#include "bindings.h"
#include "gavotte/error.h"

namespace gavotte::python {
namespace {

PyObject* python_type(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::value:
      return PyExc_ValueError;
    case ErrorKind::type:
      return PyExc_TypeError;
    case ErrorKind::runtime:
      break;
  }
  return PyExc_RuntimeError;
}

}  // namespace

void bind_errors(pybind11::module_&) {
  pybind11::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Error& error) {
      PyErr_SetString(python_type(error.kind()), error.what());
    }
  });
}

}  // namespace gavotte::python
