// From a ConvSpec to the offsets of its kernel: each peer's alignment and order, by name.
#include "geometry.h"

#include <algorithm>
#include <string>

#include "check.h"

namespace gavotte::internal {

namespace {

/// The offset of kernel index k on one axis (conv_spec.h's table).
std::int64_t axis_offset(const ConvSpec& spec, int axis, std::int64_t k) {
  const std::int64_t size = spec.kernel_size[axis];
  const std::int64_t dilation = spec.dilation[axis];
  const std::int64_t centre = size % 2 == 1 ? (size - 1) / 2 : 0;
  const bool centred = spec.kind == ConvKind::submanifold || spec.rule == CoordinateRule::floor;
  return centred ? (k - centre) * dilation : k * dilation - spec.padding[axis];
}

bool first_axis_fastest(const ConvSpec& spec, int dims) {
  if (spec.offset_order == OffsetOrder::torchsparse) return spec.kernel_volume(dims) % 2 == 1;
  return spec.offset_order == OffsetOrder::first_axis_fastest;
}

}  // namespace

bool pairs_fine_once(const Geometry& geometry) {
  std::vector<AxisOffset> residues = geometry.offsets;
  for (AxisOffset& offset : residues)
    for (std::size_t axis = 0; axis < kMaxDims; ++axis) {
      const std::int64_t scale = geometry.scale[axis];
      offset[axis] = (offset[axis] % scale + scale) % scale;
    }
  std::sort(residues.begin(), residues.end());
  return std::adjacent_find(residues.begin(), residues.end()) == residues.end();
}

Geometry resolve(const ConvSpec& spec, int dims) {
  spec.validate(dims);
  for (int axis = 0; axis < dims; ++axis) {
    const std::int64_t reach = (spec.kernel_size[axis] - std::int64_t{1}) * spec.dilation[axis];
    GAVOTTE_CHECK(reach < std::int64_t{1} << 31,
                  "expected a kernel that reaches less than 2^31 voxels; kernel_size " +
                      spec.kernel_size.to_string() + " with dilation " + spec.dilation.to_string() +
                      " reaches " + std::to_string(reach));
  }
  Geometry geometry;
  geometry.dims = dims;
  bool unit_scale = true;
  for (int axis = 0; axis < dims; ++axis) {
    geometry.scale[static_cast<std::size_t>(axis)] = spec.stride[axis];
    unit_scale = unit_scale && spec.stride[axis] == 1;
  }
  geometry.output_is_fine = spec.kind == ConvKind::transposed || spec.kind == ConvKind::inverse ||
                            spec.kind == ConvKind::generative;

  const int volume = spec.kernel_volume(dims);
  const bool reversed = first_axis_fastest(spec, dims);
  geometry.offsets.resize(static_cast<std::size_t>(volume));
  for (int k = 0; k < volume; ++k) {
    int rest = k;
    for (int step = 0; step < dims; ++step) {
      const int axis = reversed ? step : dims - 1 - step;
      geometry.offsets[static_cast<std::size_t>(k)][static_cast<std::size_t>(axis)] =
          axis_offset(spec, axis, rest % spec.kernel_size[axis]);
      rest /= spec.kernel_size[axis];
    }
  }
  if (unit_scale) {
    const auto zero = std::find(geometry.offsets.begin(), geometry.offsets.end(), AxisOffset{});
    if (zero != geometry.offsets.end())
      geometry.identity_offset = static_cast<int>(zero - geometry.offsets.begin());
    geometry.symmetric = geometry.identity_offset >= 0;
    for (std::size_t k = 0; k < geometry.offsets.size() && geometry.symmetric; ++k) {
      const AxisOffset& mirror = geometry.offsets[geometry.offsets.size() - 1 - k];
      for (std::size_t axis = 0; axis < kMaxDims; ++axis) {
        geometry.symmetric = geometry.symmetric && geometry.offsets[k][axis] == -mirror[axis];
      }
    }
  }
  return geometry;
}

}  // namespace gavotte::internal
