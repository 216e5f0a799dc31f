// One number for all axes, or one for each: PerAxis, as Python writes it.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <variant>
#include <vector>

#include "gavotte/shape.h"

namespace gavotte::python {

using AxisValues = std::variant<std::int32_t, std::vector<std::int32_t>>;

PerAxis per_axis(const AxisValues& values);
/// An int, or a tuple of ints.
pybind11::object python_of(const PerAxis& values);

}  // namespace gavotte::python
