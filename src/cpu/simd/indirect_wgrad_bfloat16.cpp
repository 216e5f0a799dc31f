// The weights' gradient with VDPBF16PS, whose two products are those of two pairs: the blocks of wgrad_blocks-inl.h over rows
// that hold two rows of bfloat16 side by side. Highway 1.0.3 has no target with AVX512_BF16, hence one of its own here.
#include "cpu/simd/native_kernels.h"
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/indirect_wgrad_bfloat16.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>

#if HWY_ARCH_X86_64 && HWY_TARGET == HWY_AVX3
#include <immintrin.h>
#undef HWY_TARGET_STR
#define HWY_TARGET_STR HWY_TARGET_STR_AVX3 ",avx512bf16"
#endif

#include "cpu/simd/indirect_wgrad-inl.h"  // at every target, as its guard counts them

#if HWY_ARCH_X86_64 && HWY_TARGET == HWY_AVX3

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

/// Elements are two bfloat16.
struct PairedProducts {
  using Element = float;
  template <class V>
  static HWY_INLINE V multiply_add(V input, V gradient, V sum) {
    return V{_mm512_dpbf16_ps(sum.raw, reinterpret_cast<__m512bh>(input.raw),
                              reinterpret_cast<__m512bh>(gradient.raw))};
  }
};

// Of these, that many ahead are fetched (EPYC with AVX-512, 2026-11-22: gradients of 32 channels on random_100000 1.2 of the
// rate of 16 ahead, on lidar_10 the same).
constexpr std::int64_t kRowsAhead = 48;

/// Elements of a in the lower halves, of b in the upper ones: all 16, or those of half 0 or 1 of 32.
HWY_INLINE __m512i paired(__m256i a, __m256i b) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(a), _mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16));
}
template <int half>
HWY_INLINE __m512i paired(__m512i a, __m512i b) {
  const __m512i places =
      _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6,
                       37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  return _mm512_permutex2var_epi16(a, _mm512_add_epi16(places, _mm512_set1_epi16(16 * half)), b);
}

HWY_INLINE void pair_two_rows(const std::uint16_t* a, const std::uint16_t* b, std::int64_t channels,
                              std::uint32_t* to) {
  const auto load = [](const std::uint16_t* p) HWY_ATTR {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  };
  std::int64_t c = 0;
  for (; c + 32 <= channels; c += 32) {
    const __m512i low = _mm512_loadu_si512(a + c), high = _mm512_loadu_si512(b + c);
    _mm512_storeu_si512(to + c, paired<0>(low, high));
    _mm512_storeu_si512(to + c + 16, paired<1>(low, high));
  }
  for (; c + 16 <= channels; c += 16) _mm512_storeu_si512(to + c, paired(load(a + c), load(b + c)));
  for (; c < channels; ++c) to[c] = a[c] | std::uint32_t{b[c]} << 16;
}

void pair_bfloat16_rows(const RowsToPair& call) {
  const RowsToPair args = call;  // a copy that no store changes: its members stay in registers
  constexpr std::int64_t line = 32;
  const auto* const from = static_cast<const std::uint16_t*>(args.from);
  auto* to = static_cast<std::uint32_t*>(args.to);
  const auto row = [&](std::int64_t j) { return from + args.rows[j] * args.channels; };
  for (std::int64_t j = 0; j + 2 <= args.count; j += 2, to += args.channels) {
    const auto* const next_a = row(std::min(j + kRowsAhead, args.known - 1));
    const auto* const next_b = row(std::min(j + kRowsAhead + 1, args.known - 1));
    for (std::int64_t c = 0; c < args.channels; c += line) {
      hwy::Prefetch(next_a + c);
      hwy::Prefetch(next_b + c);
    }
    pair_two_rows(row(j), row(j + 1), args.channels, to);
  }
  if (args.count % 2 != 0) std::copy_n(row(args.count - 1), args.channels, to);
}

void add_paired_products(const IndirectWgrad& args) { add_products<PairedProducts>(args); }

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE
namespace gavotte::internal::cpu {

const PairedWgrad* bfloat16_wgrad() {
#if HWY_ARCH_X86_64 && (HWY_TARGETS & HWY_AVX3)
  static constexpr PairedWgrad wgrad = {&N_AVX3::pair_bfloat16_rows, &N_AVX3::add_paired_products};
  static const bool has = __builtin_cpu_supports("avx512bf16") != 0;
  return has ? &wgrad : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
