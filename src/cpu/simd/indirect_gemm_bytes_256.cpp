// The kernel of indirect_gemm_bytes.cpp with the VPDPBUSD of AVX-VNNI, on vectors of 256 bits: for CPUs that have the
// instruction but no AVX-512.
#include "cpu/simd/native_kernels.h"

#include <hwy/base.h>

#if HWY_ARCH_X86_64

#include <cpuid.h>
#include <hwy/cache_control.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "cpu/simd/unroll.h"

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avxvnni")
namespace gavotte::internal::cpu::bytes256 {
namespace {

struct QuadDotProduct {
  using Input = std::uint8_t;  // of a panel: the bits of an int8
  using Sum = std::int32_t;
  using Vec = __m256i;
  static constexpr bool kAdds = true, kHasBlocks = false, kHasPairs = false;
  static constexpr int kInputs = 4;
  static constexpr int kMostVectors = 2;
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 8, 6};
  static HWY_INLINE std::int64_t lanes() { return 8; }
  static HWY_INLINE Vec zero() { return _mm256_setzero_si256(); }
  static HWY_INLINE Vec add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  static HWY_INLINE Vec first(std::int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<std::int32_t>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static HWY_INLINE Vec load_some(const Sum* p, std::int64_t count) {
    if (count == 8) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm256_maskload_epi32(p, first(count));
  }
  static HWY_INLINE void store_some(Vec value, Sum* p, std::int64_t count) {
    if (count == 8) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), value);
    _mm256_maskstore_epi32(p, first(count), value);
  }
  static HWY_INLINE Vec weights(const Input* p) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
  }
  static HWY_INLINE Vec last_input(const Input* p, std::int64_t count) {
    std::int32_t four = 0;
    std::memcpy(&four, p, static_cast<std::size_t>(count));
    return _mm256_set1_epi32(four);
  }
  static HWY_INLINE Vec input(const Input* p) { return last_input(p, kInputs); }
  static HWY_INLINE Vec multiply_add(Vec input, Vec weights, Vec sum) {
    return _mm256_dpbusd_avx_epi32(sum, input, weights);
  }
};

#include "cpu/simd/indirect_panels-inl.h"

PanelLayout panel_layout() { return layout<QuadDotProduct>(); }
void indirect_gemm(const IndirectGemm& args) { multiply<QuadDotProduct>(args); }

}  // namespace
}  // namespace gavotte::internal::cpu::bytes256
HWY_POP_ATTRIBUTES

namespace gavotte::internal::cpu {
namespace {

// Compilers do not all have a name for it.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1U) != 0;
}

}  // namespace

const NativeKernels* byte_kernels_256() {
  static constexpr NativeKernels kernels = {&bytes256::panel_layout, &bytes256::indirect_gemm};
  static const bool has = has_avx_vnni();
  return has ? &kernels : nullptr;
}

}  // namespace gavotte::internal::cpu

#else

namespace gavotte::internal::cpu {

const NativeKernels* byte_kernels_256() { return nullptr; }

}  // namespace gavotte::internal::cpu

#endif
