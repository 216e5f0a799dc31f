// Coordinate sets on the CPU: sorting, duplicates, downsampling, expansion, union. All by sorting,
// nothing by hashing.
#pragma once

#include <memory>
#include <optional>

#include "backend.h"

namespace gavotte::internal::cpu {

std::int64_t scale_lattice(const Execution&, ConstTensorView from, const PerAxis& stride,
                           bool divide, TensorView to);
std::shared_ptr<const CoordinateData> make_set(const Execution&, Tensor lattice, PerAxis stride);
std::shared_ptr<const CoordinateData> downsample(const Execution&, const CoordinateData& set,
                                                 const AxisOffset& scale, PerAxis stride);
std::shared_ptr<const CoordinateData> expand(const Execution&, const CoordinateData& set,
                                             const Geometry&, bool to_coarse,
                                             const std::optional<Bounds>&, PerAxis stride);
std::shared_ptr<const CoordinateData> unite(const Execution&, const CoordinateData& a,
                                            const CoordinateData& b, Tensor& row_of_a,
                                            Tensor& row_of_b);

/// Smallest and largest value of each column of int32 [N, columns].
Box bounding_box(const Execution&, ConstTensorView lattice);

}  // namespace gavotte::internal::cpu
