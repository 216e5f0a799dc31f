#include "cuda/coordinates.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

std::shared_ptr<const CoordinateData> make_set(const Execution&, Tensor lattice, PerAxis stride) {
  not_yet("make_set");
}

std::shared_ptr<const CoordinateData> downsample(const Execution&, const CoordinateData& set,
                                                 const AxisOffset& scale, PerAxis stride) {
  not_yet("downsample");
}

std::shared_ptr<const CoordinateData> expand(const Execution&, const CoordinateData& set,
                                             const Geometry&, bool to_coarse,
                                             const std::optional<Bounds>&, PerAxis stride) {
  not_yet("expand");
}

std::shared_ptr<const CoordinateData> unite(const Execution&, const CoordinateData& a,
                                            const CoordinateData& b, Tensor& row_of_a,
                                            Tensor& row_of_b) {
  not_yet("unite");
}

}  // namespace gavotte::internal::cuda
