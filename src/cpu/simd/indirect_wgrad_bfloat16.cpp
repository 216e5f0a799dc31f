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

// Rows of `width` channels, where that is not 0.
template <int width>
void pair_rows_of(const RowsToPair& args) {
  constexpr std::int64_t line = 32;
  const std::int64_t channels = width != 0 ? width : args.channels;
  const auto* const from = static_cast<const std::uint16_t*>(args.from);
  const std::int32_t* const rows = args.rows;
  auto* to = static_cast<std::uint32_t*>(args.to);
  const std::int64_t count = args.count, fetched = std::min(count, args.known - kRowsAhead) - 1;
  std::int64_t j = 0;
  for (; j < fetched; j += 2, to += channels) {
    const auto* const next_a = from + rows[j + kRowsAhead] * channels;
    const auto* const next_b = from + rows[j + kRowsAhead + 1] * channels;
    for (std::int64_t c = 0; c < channels; c += line) {
      hwy::Prefetch(next_a + c);
      hwy::Prefetch(next_b + c);
    }
    pair_two_rows(from + rows[j] * channels, from + rows[j + 1] * channels, channels, to);
  }
  for (; j + 2 <= count; j += 2, to += channels)
    pair_two_rows(from + rows[j] * channels, from + rows[j + 1] * channels, channels, to);
  if (j < count) std::copy_n(from + rows[j] * channels, channels, to);
}

void pair_bfloat16_rows(const RowsToPair& args) {
  switch (args.channels) {  // few channels, where a row costs more than its elements
    case 4:
      return pair_rows_of<4>(args);
    case 8:
      return pair_rows_of<8>(args);
    case 16:
      return pair_rows_of<16>(args);
    case 32:
      return pair_rows_of<32>(args);
    case 64:
      return pair_rows_of<64>(args);
    default:
      return pair_rows_of<0>(args);
  }
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
