// Products of rows with the weights of their kernel offsets: every tile of every offset in one
// launch. Blocks stay and walk the tiles, whose number they read on the device.
#pragma once

#include "cuda/gemm/gemm_tiles.h"
#include "cuda/partial_rows.h"
#include "gavotte/convolution.h"
#include "gavotte/tensor.h"

namespace gavotte::internal::cuda {

/// Where the pairs' rows come from and where their products go.
struct PairGemm {
  GemmTiles tiles;
  const std::int64_t* pair_begin = nullptr;  ///< [K + 1]
  const std::int32_t* pair_out = nullptr;    ///< [pairs]
  std::int32_t identity = -1;                ///< Its rows are those of `x` themselves.
  /// [pairs without the identity's, Cin]: the input of each pair.
  const void* gathered = nullptr;
  PartialRows places;
  void* products = nullptr;  ///< Accumulators [pairs, Cout]
  GridRule tiles_by = {};    ///< What gave tiles.bound.
};

struct GemmTask {
  DType dtype = DType::float32;
  bool tf32 = false;              ///< float32 on the matrix units.
  const void* x = nullptr;        ///< [N, Cin]
  const void* weights = nullptr;  ///< [K, Cin / groups, Cout]
  std::int64_t in_channels = 0, out_channels = 0;
  int groups = 1;
  std::int32_t most_columns = 0;  ///< Of a tile; 0: as many as there are.
};

TileHeights tile_heights(const GemmTask& task);
/// Tiles side by side that cover the columns of all groups.
std::int64_t column_tiles(const GemmTask& task);

/// products[place of pair] = the pair's row times its offset's weights.
void launch_grouped_gemm(const Execution& execution, const GemmTask& task, const PairGemm& pairs);
/// y [rows, Cout] = epilogue(x times the weights of offset 0).
void launch_row_gemm(const Execution& execution, const GemmTask& task, RowCount rows,
                     const Epilogue& epilogue, void* y);

}  // namespace gavotte::internal::cuda
