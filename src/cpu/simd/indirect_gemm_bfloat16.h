// indirect_gemm on bfloat16 rows and panels with float32 sums, where the CPU has the dot products
// of AVX512_BF16.
#pragma once

#include "cpu/simd/indirect_gemm.h"

namespace gavotte::internal::cpu {

/// The functions of indirect_gemm.h for bfloat16. Two input channels lie side by side in a panel,
/// [panel][in / 2][columns][2], an odd one beside zeros; of a row no channel behind `in` is read.
struct BFloat16Kernels {
  std::int64_t (*panel_elements)(std::int64_t in, std::int64_t out);
  void (*pack_panels)(const WeightMatrix& weights, void* panels);
  void (*indirect_gemm)(const IndirectGemm& args);
};

/// Null where this CPU has no AVX512_BF16.
const BFloat16Kernels* bfloat16_kernels();

}  // namespace gavotte::internal::cpu
