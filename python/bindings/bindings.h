// The areas of gavotte._core, one function and one file each.
#pragma once

#include <pybind11/pybind11.h>

namespace gavotte::python {

void bind_batch_norm(pybind11::module_& module);
void bind_conv_spec(pybind11::module_& module);
void bind_errors(pybind11::module_& module);
void bind_executor(pybind11::module_& module);
void bind_fixed_executor(pybind11::module_& module);
void bind_info(pybind11::module_& module);
void bind_manifest(pybind11::module_& module);
void bind_maps(pybind11::module_& module);
void bind_network(pybind11::module_& module);
void bind_operations(pybind11::module_& module);
void bind_points(pybind11::module_& module);
void bind_quantization(pybind11::module_& module);
void bind_scenes(pybind11::module_& module);
void bind_tuned(pybind11::module_& module);
void bind_tuner(pybind11::module_& module);
void bind_voxelize(pybind11::module_& module);

}  // namespace gavotte::python
