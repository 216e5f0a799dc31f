// The instantiations of grouped_gemm.cuh, a file for each type and width, and what their launchers
// share.
#pragma once

#include <algorithm>

#include "cuda/gemm/grouped_gemm.h"
#include "cuda/runtime.h"

namespace gavotte::internal::cuda {

/// Both forms: pairs, or rows with an epilogue.
struct GemmLaunch {
  const Execution& execution;
  const GemmTask& task;
  const PairGemm* pairs = nullptr;
  RowCount rows = {};
  const Epilogue* epilogue = nullptr;
  void* y = nullptr;
};

/// What a launcher offers to those that choose it.
struct GemmKernel {
  TileHeights heights;
  std::int32_t columns = 0;  ///< Of a tile.
  void (*launch)(const GemmLaunch&) = nullptr;
};

// 16-bit and TF32 on the matrix units, by the columns of a tile.
extern const GemmKernel kGroupedGemmF16By32, kGroupedGemmF16By64, kGroupedGemmF16By128;
extern const GemmKernel kGroupedGemmBf16By32, kGroupedGemmBf16By64, kGroupedGemmBf16By128;
extern const GemmKernel kGroupedGemmTf32By32, kGroupedGemmTf32By64, kGroupedGemmTf32By128;
// On the ordinary units.
extern const GemmKernel kGroupedGemmF32By32, kGroupedGemmF32By64, kGroupedGemmF64;

}  // namespace gavotte::internal::cuda
