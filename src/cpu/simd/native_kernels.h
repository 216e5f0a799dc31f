// indirect_gemm on dtypes that only some CPUs multiply.
#pragma once

#include "cpu/simd/indirect_gemm.h"

namespace gavotte::internal::cpu {

/// The functions of indirect_gemm.h for one dtype. A panel holds the input channels that one
/// instruction takes side by side, [panel][in / n][columns][n], the last ones filled up with zeros;
/// of a row no channel behind `in` is read.
struct NativeKernels {
  std::int64_t (*panel_elements)(std::int64_t in, std::int64_t out);
  void (*pack_panels)(const WeightMatrix& weights, void* panels);
  void (*indirect_gemm)(const IndirectGemm& args);
};

/// bfloat16 rows and panels with float32 sums; null where this CPU has no AVX512_BF16.
const NativeKernels* bfloat16_kernels();
/// Bytes with int32 sums; null where this CPU has no AVX512_VNNI.
const NativeKernels* byte_kernels();

}  // namespace gavotte::internal::cpu
