// indirect_gemm by the tiles of AMX: one instruction multiplies 16 rows of 64 bytes with 16 columns of weights. None of
// these instructions is reached unless may_use_tiles says so.
#include "cpu/simd/native_kernels.h"

#include <hwy/base.h>

#if HWY_ARCH_X86_64

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "cpu/simd/matrix_tiles.h"

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
  if (!args.matrix_tiles || !fills_tiles(args.dtype, args.in, args.out)) return false;
  if (!may_use_tiles(args.dtype)) return false;
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
  return in * size_bytes(dtype) >= 64 && out >= 16;
}

}  // namespace gavotte::internal::cpu
