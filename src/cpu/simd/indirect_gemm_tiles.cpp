// indirect_gemm by the tiles of AMX: one instruction multiplies 16 rows of 64 bytes with 16 columns of weights. None of
// these instructions is reached unless may_use_tiles says so.
#include "cpu/simd/native_kernels.h"

#include <hwy/base.h>

#include "cpu/simd/matrix_tiles.h"

#if HWY_ARCH_X86_64

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")
namespace gavotte::internal::cpu::amx {
namespace {

#include "cpu/simd/amx_tiles-inl.h"
#include "cpu/simd/indirect_tiles-inl.h"

}  // namespace
}  // namespace gavotte::internal::cpu::amx
HWY_POP_ATTRIBUTES

namespace gavotte::internal::cpu {

bool multiply_by_tiles(const IndirectGemm& args) {
  if (!takes_tiles(args.dtype, args.in, args.out, args.matrix_tiles)) return false;
  args.dtype == DType::bfloat16
      ? amx::multiply_by_tiles<amx::Tiles, std::uint16_t, float>(args)
      : amx::multiply_by_tiles<amx::Tiles, std::uint8_t, std::int32_t>(args);
  return true;
}

}  // namespace gavotte::internal::cpu

#else

namespace gavotte::internal::cpu {

bool multiply_by_tiles(const IndirectGemm&) { return false; }

}  // namespace gavotte::internal::cpu

#endif

namespace gavotte::internal::cpu {

bool fills_tiles(DType dtype, std::int64_t in, std::int64_t out) {
  // Against float32 and VPDPBUSD (Xeon with AMX, 2026-11-23, lidar_10): bfloat16 16 -> 32 1.2, 20 -> 20 1.2, 24 -> 16 1.3 of
  // the rate, 16 -> 16 0.7, 32 -> 8 0.8; bytes 64 -> 32 1.1, 64 -> 16 0.9, 32 -> 64 0.65.
  if (dtype == DType::bfloat16) return in >= 16 && out >= 16 && in * out >= 384;
  return in >= 64 && out >= 32;
}

bool takes_tiles(DType dtype, std::int64_t in, std::int64_t out, bool matrix_tiles) {
  return matrix_tiles && fills_tiles(dtype, in, out) && may_use_tiles(dtype);
}

}  // namespace gavotte::internal::cpu
