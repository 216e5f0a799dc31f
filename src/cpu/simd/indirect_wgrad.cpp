// The weights' gradient by the targets of Highway.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/indirect_wgrad.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "cpu/simd/indirect_wgrad-inl.h"
#include "cpu/simd/indirect_wgrad.h"
#include "cpu/simd/native_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

void add_products_of_any(const IndirectWgrad& args) {
  if (args.dtype == DType::float64) return add_products<Products<double>>(args);
  add_products<Products<float>>(args);
}

std::int64_t wgrad_target() { return HWY_TARGET; }

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(add_products_of_any);
HWY_EXPORT(wgrad_target);

const PairedWgrad* paired_wgrad() {
  return HWY_DYNAMIC_DISPATCH(wgrad_target)() == HWY_AVX3 ? bfloat16_wgrad() : nullptr;
}

void indirect_wgrad(const IndirectWgrad& args) { HWY_DYNAMIC_DISPATCH(add_products_of_any)(args); }

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
