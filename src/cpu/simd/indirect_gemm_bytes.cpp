// The kernel of indirect_gemm.cpp with VPDPBUSD: one instruction multiplies four bytes of a row
// with four of a weight column and adds the products to an int32 sum, at four times the rate of
// float32. Nothing saturates. Highway 1.0.3 has no such operation, hence intrinsics.
#include "cpu/simd/native_kernels.h"

#include <hwy/base.h>

#if HWY_ARCH_X86_64

#include <hwy/cache_control.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "cpu/simd/unroll.h"

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni")
namespace gavotte::internal::cpu::bytes {
namespace {

struct QuadDotProduct {
  using Input = std::uint8_t;  // of a panel: the bits of an int8
  using Sum = std::int32_t;
  using Vec = __m512i;
  static constexpr bool kAdds = true;
  static constexpr int kInputs = 4;
  static constexpr bool kHasBlocks = false, kHasPairs = false;
  static constexpr int kMostVectors = 4;
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 8, 8, 8, 6};
  static HWY_INLINE std::int64_t lanes() { return 16; }
  static HWY_INLINE Vec zero() { return _mm512_setzero_si512(); }
  static HWY_INLINE Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static HWY_INLINE __mmask16 first(std::int64_t count) {
    return static_cast<__mmask16>((1U << count) - 1U);
  }
  static HWY_INLINE Vec load_some(const Sum* p, std::int64_t count) {
    return count == 16 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi32(first(count), p);
  }
  static HWY_INLINE void store_some(Vec value, Sum* p, std::int64_t count) {
    if (count == 16) return _mm512_storeu_si512(p, value);
    _mm512_mask_storeu_epi32(p, first(count), value);
  }
  static HWY_INLINE Vec weights(const Input* p) { return _mm512_load_si512(p); }
  static HWY_INLINE Vec input(const Input* p) {
    std::int32_t four;
    std::memcpy(&four, p, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static HWY_INLINE Vec last_input(const Input* p, std::int64_t count) {
    std::int32_t some = 0;
    std::memcpy(&some, p, static_cast<std::size_t>(count));
    return _mm512_set1_epi32(some);
  }
  static HWY_INLINE Vec multiply_add(Vec input, Vec weights, Vec sum) {
    return _mm512_dpbusd_epi32(sum, input, weights);
  }
};

#include "cpu/simd/indirect_panels-inl.h"

PanelLayout panel_layout() { return layout<QuadDotProduct>(); }
void indirect_gemm(const IndirectGemm& args) {
  if (!multiply_by_tiles(args)) multiply<QuadDotProduct>(args);
}

}  // namespace
}  // namespace gavotte::internal::cpu::bytes
HWY_POP_ATTRIBUTES

namespace gavotte::internal::cpu {

const NativeKernels* byte_kernels() {
  static constexpr NativeKernels kernels = {&bytes::panel_layout, &bytes::indirect_gemm};
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0;
  return has ? &kernels : nullptr;
}

}  // namespace gavotte::internal::cpu

#else

namespace gavotte::internal::cpu {

const NativeKernels* byte_kernels() { return nullptr; }

}  // namespace gavotte::internal::cpu

#endif
