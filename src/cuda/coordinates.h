// Coordinate sets on a GPU: sorting, duplicates, downsampling, expansion, union. All by sorting,
// nothing by hashing.
#pragma once

#include <memory>
#include <optional>

#include "backend.h"
#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

/// The rows in use, for kernels.
inline RowCount rows_of(const CoordinateData& set) {
  return {set.rows, static_cast<const std::int64_t*>(set.count.data())};
}

// Each waits for the stream where it needs a result on the host: scale_lattice once; make_set once
// for the box, once more for duplicates unless the rows ascend already; downsample, expand and unite
// once for the number of rows (expand: and for the box). Sets without rows cost no wait. With
// Wait::later, or on a set that is deferred itself, downsample and expand do not wait, and resolve()
// waits once for all.
std::int64_t scale_lattice(const Execution&, ConstTensorView from, const PerAxis& stride,
                           bool divide, TensorView to);
std::shared_ptr<const CoordinateData> make_set(const Execution&, Tensor lattice, PerAxis stride);
std::shared_ptr<const CoordinateData> downsample(const Execution&, const CoordinateData& set,
                                                 const AxisOffset& scale, PerAxis stride, Wait);
std::shared_ptr<const CoordinateData> expand(const Execution&, const CoordinateData& set,
                                             const Geometry&, bool to_coarse,
                                             const std::optional<Bounds>&, PerAxis stride, Wait);
/// No wait, and no launch that depends on the data.
std::shared_ptr<const CoordinateData> make_deferred_set(const Execution&, Tensor lattice,
                                                        ConstTensorView count, const Box& box,
                                                        PerAxis stride);
/// One wait.
void resolve(const Execution&, std::span<const std::shared_ptr<const CoordinateData>> sets);
std::shared_ptr<const CoordinateData> unite(const Execution&, const CoordinateData& a,
                                            const CoordinateData& b, Tensor& row_of_a,
                                            Tensor& row_of_b);

}  // namespace gavotte::internal::cuda
