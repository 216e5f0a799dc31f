// Tokens: how a kernel map or a coordinate set goes through operations that take nothing but tensors. A token is an
// int64 array of one number, which names a live object; the array's memory keeps the object alive.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <utility>

#include "gavotte/coordinate_manager.h"

namespace gavotte::python {

pybind11::array token_of(const KernelMap& map);
pybind11::array token_of(const Coordinates& coordinates);
/// `token`: the array as a torch.Tensor. Throws Error (value) where it names no live object of that kind.
KernelMap map_of(pybind11::handle token);
Coordinates coordinates_of(pybind11::handle token);
/// How many kernel maps and coordinate sets tokens keep alive.
std::pair<std::size_t, std::size_t> live_tokens();

}  // namespace gavotte::python
