#include "cpu/panels.h"

#include "cpu/kept_memory.h"
#include "cpu/scratch.h"
#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/row_kernels.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

// dtype: a product_dtype.
PanelLayout layout_of(const PanelShape& shape, DType dtype) {
  return panel_layout(dtype, shape.in_channels / shape.groups, shape.out_channels / shape.groups);
}

DType product_dtype_of(const PanelShape& shape, DType dtype) {
  return product_dtype(dtype, shape.in_channels / shape.groups, shape.out_channels / shape.groups);
}

std::int64_t group_bytes(const PanelShape& shape, DType dtype) {
  return panel_elements(layout_of(shape, dtype), shape.in_channels / shape.groups,
                        shape.out_channels / shape.groups) *
         size_bytes(dtype);
}

}  // namespace

std::int64_t panel_bytes(const PanelShape& shape, DType dtype) {
  return group_bytes(shape, product_dtype_of(shape, dtype)) * shape.groups * shape.offsets;
}

Panels pack(const Execution& execution, const PanelShape& shape, const OffsetWeights& weights,
            void* memory) {
  auto* to = static_cast<std::byte*>(memory);
  const DType dtype = product_dtype_of(shape, weights.dtype);
  Panels panels{dtype, to, group_bytes(shape, dtype), 0};
  panels.offset_bytes = panels.group_bytes * shape.groups;
  const PanelLayout layout = layout_of(shape, dtype);
  parallel_for(execution, shape.offsets, [&](std::int64_t offset, int) {
    const std::byte* from = static_cast<const std::byte*>(weights.data) +
                            offset * weights.offset * size_bytes(weights.dtype);
    Scratch converted;
    if (dtype != weights.dtype) {
      converted = Scratch(weights.offset * size_bytes(dtype));
      auto* values = converted.as<std::byte>();
      gather_rows({weights.dtype, from, nullptr, 1, weights.offset, 0, weights.offset, values});
      from = values;
    }
    for (int group = 0; group < shape.groups; ++group)
      pack_panels(layout,
                  {dtype, from + group * weights.group * size_bytes(dtype),
                   shape.in_channels / shape.groups, shape.out_channels / shape.groups, weights.in,
                   weights.out},
                  to + offset * panels.offset_bytes + group * panels.group_bytes);
  });
  return panels;
}

KeptPanels::KeptPanels(const Execution& execution, const PanelShape& shape,
                       const OffsetWeights& weights)
    : size(panel_bytes(shape, weights.dtype)),
      memory(allocate_lasting(size)),
      panels(pack(execution, shape, weights, memory.get())) {}

}  // namespace gavotte::internal::cpu
