// The kernel of indirect_gemm.cpp with VDPBF16PS: one instruction multiplies two input channels and
// adds both products to a float32 sum, at twice the rate of float32. Highway 1.0.3 has no target
// with AVX512_BF16, hence intrinsics.
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

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512bf16")
namespace gavotte::internal::cpu::bfloat16 {
namespace {

struct PairedDotProduct {
  using Input = std::uint16_t;  // the bits of a bfloat16
  using Sum = float;
  using Vec = __m512;
  static constexpr bool kAdds = false;
  static constexpr int kInputs = 2;
  static constexpr int kMostVectors = 4;
  static constexpr bool kHasBlocks = true, kHasPairs = true;
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 8, 8, 8, 6};
  static HWY_INLINE std::int64_t lanes() { return 16; }
  static HWY_INLINE Vec zero() { return _mm512_setzero_ps(); }
  static HWY_INLINE Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static HWY_INLINE __mmask16 first(std::int64_t count) {
    return static_cast<__mmask16>((1U << count) - 1U);
  }
  static HWY_INLINE Vec load_some(const float* p, std::int64_t count) {
    return count == 16 ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(first(count), p);
  }
  static HWY_INLINE void store_some(Vec value, float* p, std::int64_t count) {
    if (count == 16) return _mm512_storeu_ps(p, value);
    _mm512_mask_storeu_ps(p, first(count), value);
  }
  static HWY_INLINE __m512i weights(const Input* p) { return _mm512_load_si512(p); }
  static HWY_INLINE __m512i input(const Input* p) {
    std::int32_t both;
    std::memcpy(&both, p, sizeof(both));  // at any address that is even
    return _mm512_set1_epi32(both);
  }
  // With masks, since g++ warns of the undefined vector inside those intrinsics that have none.
  static constexpr __mmask16 kAll = 0xffff;
  static HWY_INLINE __m512i load_block(const Input* p) {
    return _mm512_maskz_broadcast_i32x4(kAll, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  template <int lane>
  static HWY_INLINE __m512i lane_of(__m512i block) {
    return _mm512_maskz_shuffle_epi32(kAll, block, static_cast<_MM_PERM_ENUM>(0x55 * lane));
  }
  static HWY_INLINE __m512i last_input(const Input* p, std::int64_t) {
    return _mm512_set1_epi32(*p);
  }
  static HWY_INLINE __m512i input_pair(const Input* p) { return last_input_pair(p, 4); }
  static HWY_INLINE __m512i last_input_pair(const Input* p, std::int64_t count) {
    std::int64_t some = 0;
    std::memcpy(&some, p, static_cast<std::size_t>(count) * sizeof(Input));
    return _mm512_set1_epi64(some);
  }
  static constexpr std::int64_t kMostLanes = 16;
  static HWY_INLINE void store_weights(__m512i weights, Input* p) {
    _mm512_store_si512(p, weights);
  }
  static HWY_INLINE __m512i no_weights() { return _mm512_setzero_si512(); }
  static HWY_INLINE __m512i odd_even(__m512i odd, __m512i even) {
    return _mm512_mask_blend_epi32(0xaaaa, even, odd);
  }
  static HWY_INLINE __m512i swap_neighbours(__m512i v) {
    return _mm512_maskz_shuffle_epi32(kAll, v, _MM_PERM_CDAB);
  }
  static HWY_INLINE Vec swap_neighbours(Vec v) { return _mm512_maskz_permute_ps(kAll, v, 0xb1); }
  static HWY_INLINE Vec multiply_add(__m512i input, __m512i weights, Vec sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(input),
                            reinterpret_cast<__m512bh>(weights));
  }
};

#include "cpu/simd/indirect_panels-inl.h"

PanelLayout panel_layout() { return layout<PairedDotProduct>(); }
void indirect_gemm(const IndirectGemm& args) {
  if (!multiply_by_tiles(args)) multiply<PairedDotProduct>(args);
}

}  // namespace
}  // namespace gavotte::internal::cpu::bfloat16
HWY_POP_ATTRIBUTES

namespace gavotte::internal::cpu {

const NativeKernels* bfloat16_kernels() {
  static constexpr NativeKernels kernels = {&bfloat16::panel_layout, &bfloat16::indirect_gemm};
  static const bool has = __builtin_cpu_supports("avx512bf16") != 0;
  return has ? &kernels : nullptr;
}

}  // namespace gavotte::internal::cpu

#else

namespace gavotte::internal::cpu {

const NativeKernels* bfloat16_kernels() { return nullptr; }

}  // namespace gavotte::internal::cpu

#endif
