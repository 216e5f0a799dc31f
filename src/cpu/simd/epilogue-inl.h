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

// Comparisons are written so that NaN passes through every activation.
template <Activation activation, class D>
HWY_INLINE hn::Vec<D> activate(D d, hn::Vec<D> value, [[maybe_unused]] double negative_slope) {
  using T = hn::TFromD<D>;
  const auto zero = hn::Zero(d);
  if constexpr (activation == Activation::relu) {
    return hn::IfThenElse(hn::Lt(value, zero), zero, value);
  } else if constexpr (activation == Activation::leaky_relu) {
    return hn::IfThenElse(hn::Lt(value, zero),
                          hn::Mul(value, hn::Set(d, static_cast<T>(negative_slope))), value);
  } else if constexpr (activation == Activation::sigmoid) {
    return sigmoid(d, value);
  } else {
    return value;
  }
}

// Calls body.operator()<activation>().
template <class Body>
HWY_INLINE decltype(auto) with_activation(Activation activation, Body&& body) {
  switch (activation) {
    case Activation::relu:
      return body.template operator()<Activation::relu>();
    case Activation::leaky_relu:
      return body.template operator()<Activation::leaky_relu>();
    case Activation::sigmoid:
      return body.template operator()<Activation::sigmoid>();
    default:
      return body.template operator()<Activation::none>();
  }
}

// The epilogue but for the activation.
template <class Storage, class D>
HWY_INLINE hn::Vec<D> scale_and_shift(D d, hn::Vec<D> value, const RowEpilogue& epilogue,
                                      std::int64_t row_start, std::int64_t c) {
  if (epilogue.scale != nullptr)
    value = hn::Mul(value, hn::LoadU(d, accumulators<Storage>(epilogue.scale) + c));
  if (epilogue.shift != nullptr)
    value = hn::Add(value, hn::LoadU(d, accumulators<Storage>(epilogue.shift) + c));
  if (epilogue.residual != nullptr)
    value = hn::Add(value, Storage::load(d, elements<Storage>(epilogue.residual) + row_start + c));
  return value;
}

template <class Storage, Activation activation, class D>
HWY_INLINE hn::Vec<D> finish(D d, hn::Vec<D> value, const RowEpilogue& epilogue,
                             std::int64_t row_start, std::int64_t c) {
  value = scale_and_shift<Storage>(d, value, epilogue, row_start, c);
  return activate<activation>(d, value, epilogue.negative_slope);
}

template <class Storage, class D>
HWY_INLINE hn::Vec<D> finish(D d, hn::Vec<D> value, const RowEpilogue& epilogue,
                             std::int64_t row_start, std::int64_t c) {
  value = scale_and_shift<Storage>(d, value, epilogue, row_start, c);
  return with_activation(epilogue.activation, [&]<Activation activation>() HWY_ATTR {
    return activate<activation>(d, value, epilogue.negative_slope);
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
