// Launches the gradient of the weights: two kernels, whatever the map holds.
#include <algorithm>

#include "cuda/convolution.h"
#include "cuda/kernel_name.h"
#include "cuda/memory.h"
#include "cuda/row_launch.h"
#include "cuda/wgrad.cuh"

namespace gavotte::internal::cuda {
namespace {

using WideTile = BlockTile<64, 64, 16, 4, 4>;
using MiddleTile = BlockTile<32, 32, 16, 4, 4>;
using NarrowTile = BlockTile<16, 16, 16, 2, 2>;

/// Pieces beyond one for each offset are cut until there are about this many blocks, and no more
/// than kMostChunks: their sums take memory.
constexpr std::int64_t kEnoughBlocks = 1024;
constexpr std::int64_t kFewestChunks = 16, kMostChunks = 512;
/// Weights of a group below which a lane for each weight does better than a tile.
constexpr std::int64_t kThinWeights = 64;
constexpr int kAddThreads = 256;

/// What the launches have in common.
struct Task {
  std::int64_t in_group, out_group, tiles;
  bool thin;
  int side;  ///< Of a tile.

  explicit Task(const ConvPlan& plan)
      : in_group(plan.in_channels / plan.groups), out_group(plan.out_channels / plan.groups) {
    thin = in_group * out_group <= kThinWeights;
    side = std::min(in_group, out_group) > 32 ? 64 : std::max(in_group, out_group) > 16 ? 32 : 16;
    tiles = thin ? blocks_for(in_group * plan.out_channels, kWarpThreads)
                 : blocks_for(in_group, side) * blocks_for(out_group, side) * plan.groups;
  }
};

template <class Tile, class T>
void launch_multiply_pieces(const Execution& execution, std::int64_t items,
                            const MultiplyPiecesArgs<T>& args) {
  launch(kernel_name<"multiply_pieces", Tile::kRows, T>(), execution.stream.handle,
         {.blocks = grid_for(items, 1),
          .threads = Tile::kThreads,
          .shared_bytes = sizeof(StagedTerms<Tile, Accumulator<T>>)},
         multiply_pieces_kernel<Tile, T>, args);
}

template <class T>
void launch_multiply_pieces(const Execution& execution, const Task& task,
                            const MultiplyPiecesArgs<T>& args) {
  const std::int64_t items = args.piece_bound * task.tiles;
  if (task.thin) {
    launch(kernel_name<"multiply_thin_pieces", 0, T>(), execution.stream.handle,
           {.blocks = grid_for(items, 1),
            .threads = kStripeThreads,
            .shared_bytes = sizeof(StripesShared<Accumulator<T>>)},
           multiply_thin_pieces_kernel<T>, args);
  } else if (task.side == 64) {
    launch_multiply_pieces<WideTile>(execution, items, args);
  } else if (task.side == 32) {
    launch_multiply_pieces<MiddleTile>(execution, items, args);
  } else {
    launch_multiply_pieces<NarrowTile>(execution, items, args);
  }
}

}  // namespace

void convolution_wgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                       ConstTensorView grad_y, TensorView grad_weights) {
  use_device(execution.device.index);
  if (grad_weights.shape.elements() == 0) return;
  const Task task(plan);
  const std::int64_t volume = task.in_group * plan.out_channels;
  Pieces pieces;
  pieces.pair_begin = static_cast<const std::int64_t*>(plan.map.pair_begin().data);
  pieces.offsets = plan.map.offsets();
  pieces.chunk_pairs = plan.config.wgrad_chunk_pairs;
  pieces.most_chunks = std::clamp(kEnoughBlocks / task.tiles, kFewestChunks, kMostChunks);
  // At least one, so that the launches are the same where there are no pairs.
  const std::int64_t bound = std::max<std::int64_t>(pieces.bound(plan.map.pairs()), 1);
  dispatch_floating(x.dtype, [&]<class T>() {
    Scratch<Accumulator<T>> sums(execution, bound * volume);
    const bool packed =
        task.in_group % 4 == 0 && task.out_group % 4 == 0 &&
        are_aligned({x.data, grad_y.data}, std::min<std::size_t>(4 * sizeof(T), 16));
    launch_multiply_pieces<T>(
        execution, task,
        {static_cast<const T*>(x.data), static_cast<const T*>(grad_y.data),
         static_cast<const std::int32_t*>(plan.map.pair_in().data),
         static_cast<const std::int32_t*>(plan.map.pair_out().data), pieces, bound,
         plan.in_channels, plan.out_channels, task.in_group, task.out_group, packed, sums.get()});
    launch(kernel_name<"add_pieces", 0, T>(), execution.stream.handle,
           {.blocks = grid_for(pieces.offsets * blocks_for(volume, kAddThreads), 1),
            .threads = kAddThreads},
           add_pieces_kernel<T>, {sums.get(), pieces, volume, static_cast<T*>(grad_weights.data)});
  });
}

}  // namespace gavotte::internal::cuda
