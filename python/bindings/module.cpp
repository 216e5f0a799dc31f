// The module gavotte._core: what Python sees of the library. Each area binds its own names.
#include "bindings.h"

#include <string>

#include "gavotte/version.h"

PYBIND11_MODULE(_core, module) {
  module.attr("__version__") = std::string(gavotte::version());
  gavotte::python::bind_errors(module);
  gavotte::python::bind_info(module);
  gavotte::python::bind_conv_spec(module);
  gavotte::python::bind_maps(module);
  gavotte::python::bind_operations(module);
  gavotte::python::bind_batch_norm(module);
  gavotte::python::bind_points(module);
  gavotte::python::bind_quantization(module);
  gavotte::python::bind_scenes(module);
  gavotte::python::bind_voxelize(module);
  gavotte::python::bind_network(module);
  gavotte::python::bind_tuned(module);
  gavotte::python::bind_executor(module);
  gavotte::python::bind_manifest(module);
  gavotte::python::bind_tuner(module);
  gavotte::python::bind_fixed_executor(module);
}
