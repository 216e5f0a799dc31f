#include "cuda/gather_inputs.h"

#include "cuda/gather_inputs.cuh"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {
namespace {

template <class Word>
void launch_gather_by(const Execution& execution, const KernelMap& map, const void* x,
                      std::int64_t row_bytes, std::int64_t tile_bytes, void* gathered,
                      const char* name) {
  constexpr std::int64_t kSize = sizeof(Word);
  const RowLanes lanes = RowLanes::for_items(tile_bytes / kSize);
  const auto* pair_begin = static_cast<const std::int64_t*>(map.pair_begin().data);
  launch(name, execution.stream.handle,
         shape_of_rows(lanes, map.pairs(), tile_bytes, Extent::pairs), gather_inputs_kernel<Word>,
         {static_cast<const Word*>(x), static_cast<Word*>(gathered), pair_begin,
          static_cast<const std::int32_t*>(map.pair_in().data), map.identity_offset(),
          RowCount{map.pairs(), pair_begin + map.offsets()}, row_bytes / kSize, tile_bytes / kSize,
          lanes});
}

}  // namespace

void launch_gather_inputs(const Execution& execution, const KernelMap& map, ConstTensorView x,
                          std::int64_t channel_tile, void* gathered) {
  const std::int64_t channels = x.shape[1], size = size_bytes(x.dtype);
  const std::int64_t tile = channel_tile > 0 ? std::min(channel_tile, channels) : channels;
  const std::int64_t row_bytes = channels * size, tile_bytes = tile * size;
  const auto together = static_cast<std::uintptr_t>(row_bytes | tile_bytes) |
                        reinterpret_cast<std::uintptr_t>(x.data);
  const auto by = [&]<class Word>(const char* name) {
    launch_gather_by<Word>(execution, map, x.data, row_bytes, tile_bytes, gathered, name);
  };
  if (together % 16 == 0)
    by.operator()<Pack<std::uint32_t, 4>>("gather_inputs_16");
  else if (together % 8 == 0)
    by.operator()<std::uint64_t>("gather_inputs_8");
  else if (together % 4 == 0)
    by.operator()<std::uint32_t>("gather_inputs_4");
  else
    by.operator()<std::uint16_t>("gather_inputs_2");
}

}  // namespace gavotte::internal::cuda
