// Intrinsics, since Highway has neither of these instructions before 1.1. Each function is compiled
// for the instructions that it names and called only where the CPU has them.
#include "peak/multiply_adds.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

namespace gavotte::peak {
namespace {

#ifdef __clang__
#define GAVOTTE_UNROLL _Pragma("unroll")
#else
#define GAVOTTE_UNROLL _Pragma("GCC unroll 16")
#endif

constexpr int kSums = 16;        // of 32 registers
constexpr int kSumsOfAvx2 = 12;  // of 16

// Volatile, so that nothing is computed beforehand.
volatile int given_bytes = 0x01020304;
volatile float given_half = 0.5F;

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) double run_dpbf16(
    std::int64_t iterations) {
  const __m512 half = _mm512_set1_ps(given_half);
  const __m512bh factor = _mm512_cvtne2ps_pbh(half, half);
  __m512 sums[kSums];
  GAVOTTE_UNROLL
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
    GAVOTTE_UNROLL
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], factor, factor);
  }
  __m512 all = sums[0];
  for (int i = 1; i < kSums; ++i) all = _mm512_add_ps(all, sums[i]);
  return static_cast<double>(_mm512_cvtss_f32(all));
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) double run_dpbusd(
    std::int64_t iterations) {
  const __m512i factor = _mm512_set1_epi32(given_bytes);
  __m512i sums[kSums];
  GAVOTTE_UNROLL
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_epi32(i);
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
    GAVOTTE_UNROLL
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], factor, factor);
  }
  __m512i all = sums[0];
  for (int i = 1; i < kSums; ++i) all = _mm512_add_epi32(all, sums[i]);
  return _mm512_cvtsi512_si32(all);
}

__attribute__((target("avx2,avxvnni"))) double run_dpbusd_avx2(std::int64_t iterations) {
  const __m256i factor = _mm256_set1_epi32(given_bytes);
  __m256i sums[kSumsOfAvx2];
  GAVOTTE_UNROLL
  for (int i = 0; i < kSumsOfAvx2; ++i) sums[i] = _mm256_set1_epi32(i);
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
    GAVOTTE_UNROLL
    for (int i = 0; i < kSumsOfAvx2; ++i)
      sums[i] = _mm256_dpbusd_avx_epi32(sums[i], factor, factor);
  }
  __m256i all = sums[0];
  for (int i = 1; i < kSumsOfAvx2; ++i) all = _mm256_add_epi32(all, sums[i]);
  return _mm_cvtsi128_si32(_mm256_castsi256_si128(all));
}

// Leaf 7, from Intel's manual, volume 2A, CPUID.
struct Features {
  bool avx512_vnni = false, avx512_bf16 = false, avx_vnni = false;
};

Features features() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  Features found;
  // These two ask whether the system keeps the registers, too.
  const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  const bool avx512 =
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0)
    found.avx512_vnni = avx512 && (c >> 11 & 1) != 0;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) {
    found.avx_vnni = avx2 && (a >> 4 & 1) != 0;
    found.avx512_bf16 = avx512 && (a >> 5 & 1) != 0;
  }
  return found;
}

}  // namespace

std::vector<MultiplyAdds> dot_products() {
  const Features cpu = features();
  std::vector<MultiplyAdds> loops;
  // 16 lanes of two products, and of four.
  if (cpu.avx512_bf16)
    loops.push_back({"bfloat16", "dpbf16", 512, std::int64_t{2} * 2 * 16 * kSums, &run_dpbf16});
  if (cpu.avx512_vnni) {
    loops.push_back({"int8", "dpbusd", 512, std::int64_t{2} * 4 * 16 * kSums, &run_dpbusd});
  } else if (cpu.avx_vnni) {
    loops.push_back(
        {"int8", "dpbusd", 256, std::int64_t{2} * 4 * 8 * kSumsOfAvx2, &run_dpbusd_avx2});
  }
  return loops;
}

}  // namespace gavotte::peak
#else

namespace gavotte::peak {

std::vector<MultiplyAdds> dot_products() { return {}; }

}  // namespace gavotte::peak
#endif
