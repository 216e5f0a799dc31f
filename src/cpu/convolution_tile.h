// One tile of output rows of the gather_gemm_scatter dataflow: which pairs it holds, how they are
// grouped, and the work itself.
#pragma once

#include "backend.h"
#include "cpu/epilogue.h"
#include "cpu/workspace.h"
#include "map_data.h"

namespace gavotte::internal::cpu {

/// A kernel map as plain pointers; offset k has begin[k + 1] - begin[k] pairs.
struct MapPairs {
  enum class Order {
    output_row,
    key  ///< Of both sides, or of the output row where the map has no such lists.
  };
  explicit MapPairs(const KernelMap& map, Order order = Order::output_row);
  int offsets;
  int identity;  ///< The offset that pairs each row with itself, or -1.
  std::int64_t in_rows, out_rows;
  const std::int64_t* begin;  ///< [offsets + 1], from 0
  /// Rows of the pairs of offset k.
  const std::int32_t* in(int k) const noexcept { return side(k, !transposed_); }
  const std::int32_t* out(int k) const noexcept { return side(k, transposed_); }
  /// Where the order is not that of output rows: place -> row and row -> place. Else null.
  const std::int32_t *out_order = nullptr, *out_rank = nullptr;
  bool scattered = false;  ///< `in` follows no order that the pairs are in.

 private:
  const std::int32_t* side(int k, bool input) const noexcept {
    if (in_key_order_ == nullptr) return (input ? in_ : out_) + begin[k];
    const OffsetPairs& pairs = in_key_order_[k];
    return input ? pairs.in : pairs.out;
  }
  bool transposed_ = false;  ///< The lists are those of the transposed map.
  const OffsetPairs* in_key_order_ = nullptr;
  const std::int32_t *in_ = nullptr, *out_ = nullptr;
};

/// A forward convolution with its weights as accumulators. dgrad is one on the transposed map.
struct ForwardTask {
  const MapPairs& pairs;
  const ConvConfig& config;
  DType dtype;
  std::int64_t in_channels, out_channels;
  int groups;
  const void* x;        ///< [N, in_channels] of dtype
  const void* weights;  ///< Accumulators [K, in_channels / groups, out_channels]
  RowEpilogue epilogue;
  void* y;  ///< [M, out_channels] of dtype
};

/// Output rows of a tile: config.tile_rows or 2048, less where a tile could hold more than 2^26 pairs
/// (indices have 32 bits).
std::int64_t rows_per_tile(const ConvConfig& config, int offsets) noexcept;

/// Finds the tile's pairs of each offset: workspace.first and .counts. Rows are those at places
/// [first_row, + rows) of the pairs' order.
void find_pairs(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                Workspace& workspace);

/// The same for one tile after another, where that is the faster: seek_pairs before the first of
/// them, next_pairs for each.
void seek_pairs(const MapPairs& pairs, std::int64_t first_row, Workspace& workspace);
void next_pairs(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                Workspace& workspace);

/// A tile's sums as the pairs of an offset add to them: pair j to row rows[j] of `sums`.
struct TileSums {
  std::byte* sums;
  const std::int32_t* rows;
};

/// Of the tile's pairs of offset k, whose sums are rows of row_bytes at `sums`, the tile's first in front. The rows are
/// the map's own where these are places, else memory of `places`.
TileSums tile_sums(const MapPairs& pairs, int k, std::int64_t first_row, void* sums,
                   std::int64_t row_bytes, const Workspace& workspace, Buffer& places);

/// Groups the tile's offsets, the identity apart: workspace.grouping. find_pairs comes first.
void group_tile(const MapPairs& pairs, const ConvConfig& config, Workspace& workspace);

/// y[first_row, first_row + rows) by gather, batched GEMM and scatter.
void convolve_tile(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                   Workspace& workspace);

/// The same rows where in_channels == groups: each pair is one multiply-add a channel, without a
/// GEMM.
void convolve_depthwise_tile(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                             Workspace& workspace);

/// The same rows where the map is the identity: one GEMM.
void convolve_dense_tile(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                         Workspace& workspace);

}  // namespace gavotte::internal::cpu
