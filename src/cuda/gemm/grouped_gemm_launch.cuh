// The launcher that each instantiation of the grouped GEMM is made of.
#pragma once

#include "cuda/gemm/grouped_gemm.cuh"
#include "cuda/gemm/grouped_gemm_launch.h"
#include "cuda/kernel_name.h"
#include "cuda/launch.h"

namespace gavotte::internal::cuda {

/// The most bytes that may be copied at a time where rows, and parts of rows, begin at multiples of
/// `together`: 16, or (16-bit T) 4, or one element.
template <class T>
std::int32_t copy_bytes_for(std::uintptr_t together) {
  if (together % 16 == 0) return 16;
  if (sizeof(T) == 2 && together % 4 == 0) return 4;
  return sizeof(T);
}

template <class T>
GroupedGemmArgs<T> grouped_gemm_args(const GemmLaunch& launch, std::int32_t tile_columns) {
  const GemmTask& task = launch.task;
  using A = Accumulator<T>;
  GroupedGemmArgs<T> args;
  args.x = static_cast<const T*>(task.x);
  args.weights = static_cast<const T*>(task.weights);
  args.in_channels = static_cast<std::int32_t>(task.in_channels);
  args.out_channels = static_cast<std::int32_t>(task.out_channels);
  args.in_group = args.in_channels / task.groups;
  args.out_group = args.out_channels / task.groups;
  args.group_columns = (args.out_group + tile_columns - 1) / tile_columns;
  args.column_tiles = args.group_columns * task.groups;
  const auto bytes_of = [](auto elements) {
    return static_cast<std::uintptr_t>(elements) * sizeof(T);
  };
  const auto address = [](const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
  };
  args.input_bytes =
      copy_bytes_for<T>(bytes_of(args.in_group) | address(task.x) |
                        (launch.pairs != nullptr ? address(launch.pairs->gathered) : 0));
  args.weight_bytes = copy_bytes_for<T>(bytes_of(args.out_group) | address(task.weights));
  std::uintptr_t outputs = static_cast<std::uintptr_t>(args.out_group) * sizeof(A);
  if (launch.pairs != nullptr) {
    const PairGemm& pairs = *launch.pairs;
    args.tiles = pairs.tiles;
    args.pair_begin = pairs.pair_begin;
    args.pair_out = pairs.pair_out;
    args.identity = pairs.identity;
    args.gathered = static_cast<const T*>(pairs.gathered);
    args.places = pairs.places;
    args.products = static_cast<A*>(pairs.products);
    outputs |= address(args.products);
  } else {
    args.rows = launch.rows;
    args.least_tall_tiles = static_cast<std::int32_t>(
        device_limits(launch.execution.device.index).multiprocessors / args.column_tiles);
    args.epilogue = RowEpilogue<T>::from(*launch.epilogue);
    args.y = static_cast<T*>(launch.y);
    outputs |= address(launch.y) | address(args.epilogue.scale) | address(args.epilogue.shift) |
               address(args.epilogue.residual);
  }
  args.wide_output = outputs % kPackBytes == 0;
  return args;
}

/// Grid: as many blocks as run at once, or one for each tile there may be.
template <NameText Name, class Tall, class Flat>
void launch_grouped_gemm_of(const GemmLaunch& task) {
  const auto args = grouped_gemm_args<typename Tall::Element>(task, Tall::kColumns);
  const std::int64_t bound =
      task.pairs != nullptr ? task.pairs->tiles.bound : blocks_for(task.rows.bound, Flat::kRows);
  GridRule rule = task.pairs != nullptr
                      ? task.pairs->tiles_by
                      : GridRule{.of = Extent::rows_written, .per_block = Flat::kRows};
  rule.tiles = args.column_tiles;
  rule.per_unit = Tall::kBlocksPerMultiprocessor;
  const std::int64_t units = device_limits(task.execution.device.index).multiprocessors;
  launch(Name.text, task.execution.stream.handle,
         {.blocks = std::min(bound * args.column_tiles, units * rule.per_unit),
          .threads = Tall::kThreads,
          .shared_bytes = sizeof(GroupedGemmShared<Tall, Flat>),
          .blocks_by = rule},
         grouped_gemm_kernel<Tall, Flat>, args);
}

/// With that name of its launches.
template <NameText Name, class Tall, class Flat>
constexpr GemmKernel gemm_kernel() {
  return {{Tall::kRows, Flat::kRows}, Tall::kColumns, launch_grouped_gemm_of<Name, Tall, Flat>};
}

}  // namespace gavotte::internal::cuda
