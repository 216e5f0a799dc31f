#include "cuda/gemm/group_offsets.h"

#include "cuda/gemm/group_offsets.cuh"
#include "cuda/launch.h"

namespace gavotte::internal::cuda {

OffsetGroupsOfMap::OffsetGroupsOfMap(const Execution& execution, const KernelMap& map,
                                     const GroupingOptions& options) {
  // Arrays of [offsets + 1] words of 8 bytes, the groups of two words each, and the two counts.
  const std::int64_t words = map.offsets() + 1;
  memory_ = Scratch<std::int64_t>(execution, 7 * words + 1);
  std::int64_t* next = memory_.get();
  const auto take = [&]<class T>(std::int64_t count, T*& array) {
    array = reinterpret_cast<T*>(next);
    next += count;
  };
  GroupOffsetsArgs args{static_cast<const std::int64_t*>(map.pair_begin().data),
                        map.offsets(),
                        map.identity_offset(),
                        options,
                        {},
                        nullptr,
                        nullptr,
                        nullptr,
                        nullptr};
  take(2 * words, args.result.groups);
  take(words, args.result.order);
  take(words, args.rows);
  take(words, args.prefix);
  take(words, args.cost);
  take(words, args.begin);
  take(1, args.result.order_size);
  args.result.group_count = args.result.order_size + 1;
  view_ = args.result;
  launch("group_offsets", execution.stream.handle,
         {.threads = kGroupingThreads, .blocks_by = kFixedGrid}, group_offsets_kernel, args);
}

}  // namespace gavotte::internal::cuda
