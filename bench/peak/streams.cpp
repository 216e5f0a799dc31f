// Four vectors at a time, so that a load waits for no other.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peak/streams.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "peak/streams.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::peak::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

float read(const float* a, std::int64_t elements) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (std::int64_t i = 0; i < elements; i += 4 * lanes) {
    sum0 = hn::Add(sum0, hn::Load(d, a + i));
    sum1 = hn::Add(sum1, hn::Load(d, a + i + lanes));
    sum2 = hn::Add(sum2, hn::Load(d, a + i + 2 * lanes));
    sum3 = hn::Add(sum3, hn::Load(d, a + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

// a[i] = value(i) for vectors of elements.
template <class Value>
HWY_INLINE float store_each(float* HWY_RESTRICT a, std::int64_t elements, Value&& value) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < elements; i += 4 * lanes) {
    const auto v0 = value(i), v1 = value(i + lanes);
    const auto v2 = value(i + 2 * lanes), v3 = value(i + 3 * lanes);
    hn::Store(v0, d, a + i);
    hn::Store(v1, d, a + i + lanes);
    hn::Store(v2, d, a + i + 2 * lanes);
    hn::Store(v3, d, a + i + 3 * lanes);
  }
  return 0;
}

float run(Stream stream, float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
          const float* HWY_RESTRICT c, std::int64_t elements) {
  static volatile float given = 0.5F;
  const hn::ScalableTag<float> d;
  const auto scalar = hn::Set(d, given);
  switch (stream) {
    case Stream::read:
      return read(a, elements);
    case Stream::write:
      return store_each(a, elements, [&](std::int64_t) HWY_ATTR { return scalar; });
    case Stream::copy:
      return store_each(a, elements, [&](std::int64_t i) HWY_ATTR { return hn::Load(d, b + i); });
    case Stream::triad:
      return store_each(a, elements, [&](std::int64_t i) HWY_ATTR {
        return hn::MulAdd(scalar, hn::Load(d, c + i), hn::Load(d, b + i));
      });
  }
  return 0;
}

}  // namespace gavotte::peak::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::peak {

HWY_EXPORT(run);

float run_stream(Stream stream, float* a, const float* b, const float* c, std::int64_t elements) {
  return HWY_DYNAMIC_DISPATCH(run)(stream, a, b, c, elements);
}

const char* name_of(Stream stream) noexcept {
  constexpr const char* kNames[] = {"read", "write", "copy", "triad"};
  return kNames[static_cast<int>(stream)];
}

int bytes_per_element(Stream stream) noexcept {
  constexpr int kArrays[] = {1, 1, 2, 3};
  return kArrays[static_cast<int>(stream)] * static_cast<int>(sizeof(float));
}

}  // namespace gavotte::peak
#endif  // HWY_ONCE
