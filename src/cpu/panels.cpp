#include "cpu/panels.h"

#include "cpu/simd/indirect_gemm.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

std::int64_t group_bytes(const PanelShape& shape, DType dtype) {
  return panel_elements(dtype, shape.in_channels / shape.groups,
                        shape.out_channels / shape.groups) *
         size_bytes(dtype);
}

}  // namespace

std::int64_t panel_bytes(const PanelShape& shape, DType dtype) {
  return group_bytes(shape, dtype) * shape.groups * shape.offsets;
}

Panels pack(const Execution& execution, const PanelShape& shape, const OffsetWeights& weights,
            void* memory) {
  auto* to = static_cast<std::byte*>(memory);
  Panels panels{weights.dtype, to, group_bytes(shape, weights.dtype), 0};
  panels.offset_bytes = panels.group_bytes * shape.groups;
  const std::int64_t size = size_bytes(weights.dtype);
  const auto* from = static_cast<const std::byte*>(weights.data);
  parallel_for(execution, shape.offsets, [&](std::int64_t offset, int) {
    for (int group = 0; group < shape.groups; ++group)
      pack_panels({weights.dtype, from + (offset * weights.offset + group * weights.group) * size,
                   shape.in_channels / shape.groups, shape.out_channels / shape.groups, weights.in,
                   weights.out},
                  to + offset * panels.offset_bytes + group * panels.group_bytes);
  });
  return panels;
}

KeptPanels::KeptPanels(const Execution& execution, const PanelShape& shape,
                       const OffsetWeights& weights)
    : size(panel_bytes(shape, weights.dtype)),
      memory(size),
      panels(pack(execution, shape, weights, memory.as<std::byte>())) {}

}  // namespace gavotte::internal::cpu
