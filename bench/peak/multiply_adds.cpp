// As many independent sums as hide the latency of a multiply-add (4 or 5 cycles, of which two to
// four begin in each) and still fit into the registers.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peak/multiply_adds.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "peak/multiply_adds.h"

#ifdef __clang__
#define GAVOTTE_UNROLL _Pragma("unroll")
#else
#define GAVOTTE_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace gavotte::peak::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kSums = 16;  // of 32 registers
#else
constexpr int kSums = 12;  // of 16
#endif

// sum = sum / 2 + 1 tends to 2: no overflow, no subnormal numbers. Each sum starts elsewhere, or
// the compiler would see that they are one.
template <class T>
double run(std::int64_t iterations) {
  static volatile T given = T{0.5};
  const hn::ScalableTag<T> d;
  const auto factor = hn::Set(d, given), addend = hn::Set(d, given + given);
  hn::Vec<decltype(d)> sums[kSums];
  GAVOTTE_UNROLL
  for (int i = 0; i < kSums; ++i) sums[i] = hn::Set(d, given + static_cast<T>(i));
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
    GAVOTTE_UNROLL
    for (int i = 0; i < kSums; ++i) sums[i] = hn::MulAdd(sums[i], factor, addend);
  }
  auto all = sums[0];
  for (int i = 1; i < kSums; ++i) all = hn::Add(all, sums[i]);
  return static_cast<double>(hn::GetLane(all));
}

template <class T>
MultiplyAdds loop_of(const char* dtype) {
  const auto lanes = static_cast<int>(hn::Lanes(hn::ScalableTag<T>()));
  return {dtype, "multiply-add", lanes * static_cast<int>(sizeof(T)) * 8,
          std::int64_t{2} * lanes * kSums, &run<T>};
}

void append_loops(std::vector<MultiplyAdds>& loops) {
  loops.push_back(loop_of<float>("float32"));
#if HWY_HAVE_FLOAT64
  loops.push_back(loop_of<double>("float64"));
#endif
}

}  // namespace gavotte::peak::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::peak {

HWY_EXPORT(append_loops);

std::vector<MultiplyAdds> multiply_adds() {
  std::vector<MultiplyAdds> loops;
  HWY_DYNAMIC_DISPATCH(append_loops)(loops);
  for (MultiplyAdds& loop : dot_products()) loops.push_back(std::move(loop));
  for (MultiplyAdds& loop : tile_products()) loops.push_back(std::move(loop));
  return loops;
}

}  // namespace gavotte::peak
#endif  // HWY_ONCE
