// indirect_gemm and indirect_wgrad on dtypes that only some CPUs multiply.
#pragma once

#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/indirect_wgrad.h"

namespace gavotte::internal::cpu {

/// The functions of indirect_gemm.h for one dtype. Of a row of x no channel behind `in` is read.
struct NativeKernels {
  PanelLayout (*panel_layout)();
  void (*indirect_gemm)(const IndirectGemm& args);
};

/// bfloat16 rows and panels with float32 sums; null where this CPU has no AVX512_BF16.
const NativeKernels* bfloat16_kernels();
/// The same for the weights' gradient.
const PairedWgrad* bfloat16_wgrad();
/// Bytes with int32 sums: by AVX512_VNNI, by AVX_VNNI, or null where this CPU does not have that; and
/// by Highway, which needs neither.
const NativeKernels* byte_kernels();
const NativeKernels* byte_kernels_256();
const NativeKernels& portable_byte_kernels();

/// Whether a product is large enough for matrix tiles to be the fastest: an instruction takes 16 columns and 64 bytes of a
/// row, so that with fewer much of what it multiplies is zeros.
bool fills_tiles(DType dtype, std::int64_t in, std::int64_t out);
/// Whether such a product is taken by matrix tiles: where the call allows it, they are filled, and this process may use them.
bool takes_tiles(DType dtype, std::int64_t in, std::int64_t out, bool matrix_tiles);
/// Multiplies bfloat16 or uint8 on the panels of bfloat16_kernels or byte_kernels by matrix tiles, where the call takes_tiles;
/// else does nothing. Returns whether it has taken the call.
bool multiply_by_tiles(const IndirectGemm& args);

}  // namespace gavotte::internal::cpu
