// Which kernel offsets run alike, decided on the device: the groups of src/grouping.h from counts
// that the host never reads.
#pragma once

#include "cuda/memory.h"
#include "gavotte/kernel_map.h"
#include "grouping.h"

namespace gavotte::internal::cuda {

/// Grouping::order and Grouping::groups in device memory.
struct OffsetGroups {
  std::int32_t* order = nullptr;        ///< [offsets]
  OffsetGroup* groups = nullptr;        ///< [offsets]
  std::int32_t* order_size = nullptr;   ///< [1]
  std::int32_t* group_count = nullptr;  ///< [1]
};

/// The memory of OffsetGroups, filled on the stream of `execution`. The identity offset, which has a
/// GEMM of its own, is in no group.
class OffsetGroupsOfMap {
 public:
  OffsetGroupsOfMap(const Execution& execution, const KernelMap& map,
                    const GroupingOptions& options);
  const OffsetGroups& view() const { return view_; }

 private:
  Scratch<std::int64_t> memory_;
  OffsetGroups view_;
};

}  // namespace gavotte::internal::cuda
