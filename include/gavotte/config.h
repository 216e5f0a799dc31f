// How an operation runs: values that a tuner chooses, that never change what is computed beyond rounding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gavotte/export.h"

namespace gavotte {

enum class MapBuilder { double_traversal, column_walk };

/// How a kernel map is built; every choice gives the same map.
struct GAVOTTE_API MapConfig {
  MapBuilder builder = MapBuilder::column_walk;
  bool symmetric =
      true;  ///< Search half of the offsets of a submanifold layer, where they come in mirrored pairs.
  /// double_traversal: sorted keys staged in fast memory at a time; on CUDA what 48 KiB hold at most.
  std::int32_t block_size = 256;
  /// Queries of one work item. On CUDA a query is an (output, offset) of double_traversal, an
  /// (output, column) of column_walk.
  std::int32_t query_tile = 4096;
  std::int32_t threads = 256;  ///< CUDA: threads of a block of the search, a multiple of 32.
  void validate() const;
  std::string to_string() const;
  friend bool operator==(const MapConfig&, const MapConfig&) = default;
};

/// By which steps a convolution is computed. implicit_gemm and minuet are CUDA's, tile_indirect the
/// CPU's: elsewhere they are an Error.
enum class Dataflow {
  /// dense_gemm where the map is the identity; else gather_gemm_scatter on CUDA, tile_indirect on the CPU.
  automatic,
  gather_gemm_scatter,  ///< Inputs of all pairs in one matrix, grouped GEMMs, sums by output row.
  dense_gemm,           ///< One GEMM, for a map that is the identity.
  implicit_gemm,        ///< One kernel over KernelMap::table(): sums stay with their output rows.
  /// gather_gemm_scatter as Minuet ran it, to compare with: batched GEMMs of cuBLAS on several
  /// streams, over groups that the host forms (Minuet's rule is GroupingPolicy::greedy). Waits for
  /// the host once, which no other dataflow does; needs cuBLAS; cannot be captured in a CUDA graph.
  minuet,
  /// A tile of output rows stays in cache, the sums of all offsets for the weight gradient; pairs
  /// are read and added up through indices. bfloat16 is multiplied as it is where the CPU does
  /// that, but for the weight gradient.
  tile_indirect
};
/// exact: a dynamic program, least cost. greedy: Minuet's rule. none: each offset alone.
enum class GroupingPolicy { exact, greedy, none };

/// How a convolution runs.
struct GAVOTTE_API ConvConfig {
  Dataflow dataflow = Dataflow::automatic;
  std::int32_t tile_rows = 0;  ///< CPU: output rows of a task; 0 = by channels and threads.
  std::int32_t gather_channel_tile = 0;   ///< Channels copied at a time; 0 = all.
  std::int32_t scatter_channel_tile = 0;  ///< Channels accumulated at a time; 0 = all.
  GroupingPolicy grouping = GroupingPolicy::exact;
  float padding_threshold = 0.25F;  ///< Greatest padded rows / real rows - 1 within a group.
  float launch_cost_rows = 16.0F;   ///< Cost of one grouped GEMM, in rows of work.
  /// Pairs of one partial sum of the weight gradient at most; more where the sums would take too much memory.
  std::int32_t wgrad_chunk_pairs = 8192;
  /// CUDA: columns of a GEMM's tile at most, 16 to 128, a power of two, as far as there are tiles so narrow; 0 = by
  /// channels.
  std::int32_t gemm_columns = 0;
  std::int32_t threads =
      0;  ///< CPU: most threads of the call's budget that it takes; 0 = all of it.
  /// float32 products may be rounded to TF32 (10 fraction bits) where a GPU's matrix units take it. A
  /// permission: the CPU, and other dtypes, have no such units and compute as without it.
  bool allow_tf32 = false;
  /// CPU: tile_indirect and its gradients, and int8 layers, may multiply by matrix tiles (Intel's AMX) where a group has
  /// enough channels to fill them. A permission: other layers, and CPUs or systems without, compute as without it. int8
  /// results are the same; bfloat16 ones are rounded in another order.
  bool matrix_tiles = true;
  void validate() const;
  std::string to_string() const;
  friend bool operator==(const ConvConfig&, const ConvConfig&) = default;
};

GAVOTTE_API std::string_view name(MapBuilder builder) noexcept;
GAVOTTE_API std::string_view name(Dataflow dataflow) noexcept;
GAVOTTE_API std::string_view name(GroupingPolicy policy) noexcept;

}  // namespace gavotte
