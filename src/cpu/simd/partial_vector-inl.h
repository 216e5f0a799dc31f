// Vectors of which only the first lanes are in memory. Compiled once for each target.
#if defined(GAVOTTE_PARTIAL_VECTOR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_PARTIAL_VECTOR_INL_H
#undef GAVOTTE_PARTIAL_VECTOR_INL_H
#else
#define GAVOTTE_PARTIAL_VECTOR_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
}

// The first `count` lanes at p; a whole vector where count says so. Nothing behind them is touched.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_some(D d, const T* p, std::int64_t count) {
  if (count == lanes<T>()) return hn::LoadU(d, p);
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  HWY_ALIGN T values[HWY_MAX_BYTES / sizeof(T)] = {};
  std::copy_n(p, count, values);
  return hn::Load(d, values);
#endif
}

// load_some of one count, often: where masks cost nothing it does not ask which vectors are whole.
template <class D>
class LoadSome {
 public:
  LoadSome(D d, std::int64_t count)
      : count_(count), mask_(hn::FirstN(d, static_cast<std::size_t>(count))) {}
  HWY_INLINE hn::Vec<D> operator()(D d, const hn::TFromD<D>* p) const {
#if HWY_TARGET <= HWY_AVX3
    return hn::MaskedLoad(mask_, d, p);
#else
    return load_some(d, p, count_);
#endif
  }

 private:
  std::int64_t count_;
  hn::Mask<D> mask_;
};

template <class D, class T>
HWY_INLINE void store_some(D d, hn::Vec<D> value, T* p, std::int64_t count) {
  if (count == lanes<T>()) return hn::StoreU(value, d, p);
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(value, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  HWY_ALIGN T values[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(value, d, values);
  std::copy_n(values, count, p);
#endif
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
