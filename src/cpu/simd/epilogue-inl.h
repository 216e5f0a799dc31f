// The epilogue of a vector of sums, and rows of any floating dtype. Compiled once for each target.
#if defined(GAVOTTE_EPILOGUE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_EPILOGUE_INL_H
#undef GAVOTTE_EPILOGUE_INL_H
#else
#define GAVOTTE_EPILOGUE_INL_H
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>

#include "cpu/epilogue.h"
#include "cpu/simd/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Storage>
const typename Storage::Element* elements(const void* data) {
  return static_cast<const typename Storage::Element*>(data);
}

template <class Storage>
typename Storage::Accumulator* accumulators(void* data) {
  return static_cast<typename Storage::Accumulator*>(data);
}

template <class Storage>
const typename Storage::Accumulator* accumulators(const void* data) {
  return static_cast<const typename Storage::Accumulator*>(data);
}

// Calls body(Storage{}) for the dtype.
template <class Body>
void with_storage(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::float64:
      return body(Float64Storage{});
    case DType::float16:
      return body(Float16Storage{});
    case DType::bfloat16:
      return body(BFloat16Storage{});
    default:
      return body(Float32Storage{});
  }
}

// 1 / (1 + e^-x), lane by lane: the exponential is the standard library's.
template <class D>
HWY_NOINLINE hn::Vec<D> sigmoid(D d, hn::Vec<D> value) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(value, d, lanes);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = T{1} / (T{1} + std::exp(-lanes[i]));
  return hn::Load(d, lanes);
}

template <class Storage, class D>
HWY_INLINE hn::Vec<D> finish(D d, hn::Vec<D> value, const RowEpilogue& epilogue,
                             std::int64_t row_start, std::int64_t c) {
  using T = hn::TFromD<D>;
  if (epilogue.scale != nullptr)
    value = hn::Mul(value, hn::LoadU(d, accumulators<Storage>(epilogue.scale) + c));
  if (epilogue.shift != nullptr)
    value = hn::Add(value, hn::LoadU(d, accumulators<Storage>(epilogue.shift) + c));
  if (epilogue.residual != nullptr)
    value = hn::Add(value, Storage::load(d, elements<Storage>(epilogue.residual) + row_start + c));
  const auto zero = hn::Zero(d);
  // Comparisons are written so that NaN passes through every activation.
  switch (epilogue.activation) {
    case Activation::none:
      return value;
    case Activation::relu:
      return hn::IfThenElse(hn::Lt(value, zero), zero, value);
    case Activation::leaky_relu:
      return hn::IfThenElse(hn::Lt(value, zero),
                            hn::Mul(value, hn::Set(d, static_cast<T>(epilogue.negative_slope))),
                            value);
    case Activation::sigmoid:
      return sigmoid(d, value);
  }
  return value;
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
