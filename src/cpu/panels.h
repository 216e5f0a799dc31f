// The weights of a convolution as indirect_gemm reads them: for each offset and group its panels,
// packed once for a call, or once for all calls of an Executor.
#pragma once

#include <memory>

#include "backend.h"

namespace gavotte::internal::cpu {

/// Element (i, o) of offset k and group g lies at data[k * offset + g * group + i * in + o * out];
/// an offset's are `offset` elements side by side, and `in` or `out` is 1.
struct OffsetWeights {
  DType dtype;
  const void* data;
  std::int64_t offset, group, in, out;
};

/// What the panels are of: channels are those that are read and written.
struct PanelShape {
  int offsets, groups;
  std::int64_t in_channels, out_channels;
};

struct Panels {
  DType dtype;  ///< A product_dtype.
  const std::byte* data;
  std::int64_t group_bytes, offset_bytes;
  const void* of(int offset, int group) const {
    return data + offset * offset_bytes + group * group_bytes;
  }
};

/// Bytes of the panels of all offsets; dtype: of the weights.
std::int64_t panel_bytes(const PanelShape& shape, DType dtype);
/// Panels of the weights as their product_dtype. memory: panel_bytes, 64-byte aligned.
Panels pack(const Execution& execution, const PanelShape& shape, const OffsetWeights& weights,
            void* memory);

/// Panels that outlive a call.
struct KeptPanels final : PackedWeights {
  KeptPanels(const Execution& execution, const PanelShape& shape, const OffsetWeights& weights);
  std::int64_t bytes() const noexcept override { return size; }
  std::int64_t size;
  std::shared_ptr<void> memory;
  Panels panels;
};

}  // namespace gavotte::internal::cpu
