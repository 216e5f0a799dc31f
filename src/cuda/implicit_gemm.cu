// Launches the output-stationary dataflow: one kernel.
#include "cuda/implicit_gemm.h"

#include <algorithm>

#include "cuda/implicit_gemm.cuh"
#include "cuda/kernel_name.h"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {
namespace {

using WideTile = BlockTile<64, 64, 16, 4, 4>;
using MiddleTile = BlockTile<64, 32, 16, 4, 4>;
using NarrowTile = BlockTile<64, 16, 16, 4, 4>;

/// Weights of a group at an offset up to which a thread for each output does better than a tile.
constexpr std::int64_t kThinWeights = 32;

template <class Tile, class T>
void launch_convolve_tiles(const Execution& execution, const ImplicitGemmArgs<T>& args) {
  const GridRule rule = {
      .of = Extent::rows_written,
      .per_block = Tile::kRows,
      .tiles = args.out_channels / args.out_group * blocks_for(args.out_group, Tile::kColumns)};
  launch(kernel_name<"convolve_tiles", Tile::kColumns, T>(), execution.stream.handle,
         {.blocks = rule.count(args.rows.bound),
          .threads = Tile::kThreads,
          .shared_bytes = sizeof(ImplicitGemmShared<Tile, Accumulator<T>>),
          .blocks_by = rule},
         convolve_tiles_kernel<Tile, T>, args);
}

template <class T>
void launch_convolve(const Execution& execution, const ImplicitGemmArgs<T>& args,
                     std::int64_t most_columns) {
  const std::int64_t columns =
      most_columns > 0 ? std::min(args.out_group, most_columns) : args.out_group;
  if (args.in_group * args.out_group <= kThinWeights) {
    const RowLanes lanes = RowLanes::for_items(args.out_channels);
    launch(kernel_name<"convolve_thin", 0, T>(), execution.stream.handle,
           shape_of_rows(lanes, args.rows.bound, args.out_channels), convolve_thin_kernel<T>,
           {args, lanes});
  } else if (columns > 32) {
    launch_convolve_tiles<WideTile>(execution, args);
  } else if (columns > 16) {
    launch_convolve_tiles<MiddleTile>(execution, args);
  } else {
    launch_convolve_tiles<NarrowTile>(execution, args);
  }
}

}  // namespace

void implicit_gemm_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                           ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  if (y.shape.elements() == 0) return;
  dispatch_floating(x.dtype, [&]<class T>() {
    constexpr std::uintptr_t kFour = std::min<std::size_t>(4 * sizeof(T), kPackBytes);
    ImplicitGemmArgs<T> args;
    args.x = static_cast<const T*>(x.data);
    args.weights = static_cast<const T*>(weights.data);
    args.table = static_cast<const std::int32_t*>(plan.map.table().data);
    args.table_rows = plan.map.out_rows();
    args.rows = RowCount{plan.map.out_rows()};
    args.offsets = plan.map.offsets();
    args.in_channels = plan.in_channels;
    args.out_channels = plan.out_channels;
    args.in_group = plan.in_channels / plan.groups;
    args.out_group = plan.out_channels / plan.groups;
    args.packed_x = args.in_group % 4 == 0 && are_aligned({x.data}, kFour);
    args.packed_weights = args.out_group % 4 == 0 && are_aligned({weights.data}, kFour);
    args.packed_y = args.out_group % 4 == 0 &&
                    are_aligned({y.data, epilogue.residual.data}, kFour) &&
                    are_aligned({epilogue.scale.data, epilogue.shift.data});
    args.epilogue = RowEpilogue<T>::from(epilogue);
    args.y = static_cast<T*>(y.data);
    launch_convolve(execution, args, plan.config.gemm_columns);
  });
}

}  // namespace gavotte::internal::cuda
