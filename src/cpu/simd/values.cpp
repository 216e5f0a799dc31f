// The loops, compiled for each target of Highway; the exported functions at the end choose one at run time.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/values.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/values.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// Calls body(Storage{}) for a dtype whose values are computed with as float32.
template <class Body>
void with_float_storage(DType dtype, Body&& body) {
  if (dtype == DType::float16) return body(Float16Storage{});
  if (dtype == DType::bfloat16) return body(BFloat16Storage{});
  body(Float32Storage{});
}

void convert(DType from_dtype, const void* from, std::int64_t count, DType to_dtype, void* to) {
  with_float_storage(from_dtype, [&](auto from_storage) HWY_ATTR {
    with_float_storage(to_dtype, [&](auto to_storage) HWY_ATTR {
      using From = decltype(from_storage);
      using To = decltype(to_storage);
      const auto* source = elements<From>(from);
      auto* destination = static_cast<typename To::Element*>(to);
      for_channels<float>(0, count, [&](auto d, std::int64_t i) HWY_ATTR {
        To::store(d, From::load(d, source + i), destination + i);
      });
    });
  });
}

template <class Operation>
HWY_INLINE void combine_by(DType dtype, const void* a, const void* b, std::int64_t count, void* y,
                           Operation&& operation) {
  with_storage(dtype, [&](auto storage) HWY_ATTR {
    using Storage = decltype(storage);
    const auto *left = elements<Storage>(a), *right = elements<Storage>(b);
    auto* to = static_cast<typename Storage::Element*>(y);
    for_channels<typename Storage::Accumulator>(0, count, [&](auto d, std::int64_t i) HWY_ATTR {
      Storage::store(d, operation(Storage::load(d, left + i), Storage::load(d, right + i)), to + i);
    });
  });
}

void combine(DType dtype, BinaryOp op, const void* a, const void* b, std::int64_t count, void* y) {
  switch (op) {
    case BinaryOp::add:
      return combine_by(dtype, a, b, count, y,
                        [](auto p, auto q) HWY_ATTR { return hn::Add(p, q); });
    case BinaryOp::subtract:
      return combine_by(dtype, a, b, count, y,
                        [](auto p, auto q) HWY_ATTR { return hn::Sub(p, q); });
    case BinaryOp::multiply:
      return combine_by(dtype, a, b, count, y,
                        [](auto p, auto q) HWY_ATTR { return hn::Mul(p, q); });
  }
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(convert);
HWY_EXPORT(combine);

void convert_values(DType from_dtype, const void* from, std::int64_t count, DType to_dtype,
                    void* to) {
  HWY_DYNAMIC_DISPATCH(convert)(from_dtype, from, count, to_dtype, to);
}
void combine_values(DType dtype, BinaryOp op, const void* a, const void* b, std::int64_t count,
                    void* y) {
  HWY_DYNAMIC_DISPATCH(combine)(dtype, op, a, b, count, y);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
