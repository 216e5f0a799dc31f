// The module gavotte._core: what Python sees of the library. Each area binds its own names.
#include <pybind11/pybind11.h>

#include <string>

#include "gavotte/gavotte.h"

namespace py = pybind11;

PYBIND11_MODULE(_core, module) {
  module.attr("__version__") = std::string(gavotte::version());
}
