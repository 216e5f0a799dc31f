#include "cuda/transpose_weights.h"

#include "cuda/launch.h"
#include "cuda/memory.h"
#include "cuda/row_launch.h"
#include "cuda/transpose_weights.cuh"

namespace gavotte::internal::cuda {
namespace {

template <class Word>
void launch_transpose(const Execution& execution, const void* from, void* to, std::int64_t offsets,
                      std::int32_t groups, std::int64_t in_group, std::int64_t out_group,
                      const char* name) {
  const std::int64_t squares = offsets * groups * blocks_for(in_group, kWeightSquareSide) *
                               blocks_for(out_group, kWeightSquareSide);
  launch(name, execution.stream.handle,
         {.blocks = grid_for(squares, 1),
          .threads = kWeightSquareThreads,
          .shared_bytes = sizeof(TransposeWeightsShared<Word>)},
         transpose_weights_kernel<Word>,
         {static_cast<const Word*>(from), static_cast<Word*>(to), offsets, groups,
          static_cast<std::int32_t>(in_group), static_cast<std::int32_t>(out_group)});
}

}  // namespace

Tensor transposed_weights(const Execution& execution, ConstTensorView weights, int groups,
                          std::int64_t in_channels, std::int64_t out_channels) {
  const std::int64_t offsets = weights.shape[0], in_group = in_channels / groups,
                     out_group = out_channels / groups;
  Tensor result = make_tensor(execution, weights.dtype, {offsets, out_group, in_channels});
  const auto by = [&]<class Word>(const char* name) {
    launch_transpose<Word>(execution, weights.data, result.data(), offsets, groups, in_group,
                           out_group, name);
  };
  switch (size_bytes(weights.dtype)) {
    case 2:
      by.operator()<std::uint16_t>("transpose_weights_2");
      break;
    case 4:
      by.operator()<std::uint32_t>("transpose_weights_4");
      break;
    default:
      by.operator()<std::uint64_t>("transpose_weights_8");
      break;
  }
  return result;
}

}  // namespace gavotte::internal::cuda
