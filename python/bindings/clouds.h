// Clouds as Python sees them, shared by the readers and the scenes.
#pragma once

#include <pybind11/numpy.h>

#include <string_view>

#include "gavotte/datasets/readers.h"
#include "gavotte/points.h"

namespace gavotte::python {

/// (rows float32 [N, 3 + C], channels, labels int32 [N] or None, instances int32 [N] or None); the cloud's own memory.
pybind11::tuple arrays_of(PointCloud cloud);

/// Throws Error (value) that lists the names.
PointFormat format_from_name(std::string_view wanted);

}  // namespace gavotte::python
