// The kernel holds the sums of a few rows in registers: rows x vectors of columns, one fused
// multiply-add for each and input channel, with a panel's columns as vectors and an input as a
// broadcast. A panel is as wide as the registers allow, so that a row's inputs are read once for
// it; rows that are left over have kernels of their own height.
#include <array>
#include <utility>

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/indirect_gemm.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/indirect_gemm_bfloat16.h"
#include "cpu/simd/partial_vector-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct FusedMultiplyAdd {
  using D = hn::ScalableTag<T>;
  using Input = T;
  using Sum = T;
  using Vec = hn::Vec<D>;
  static constexpr int kInputs = 1;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64  // 32 registers, or 16
  static constexpr int kMostVectors = 4;
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 8, 12, 8, 6};
#else
  static constexpr int kMostVectors = 2;
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 6, 6};
#endif
  static HWY_INLINE std::int64_t lanes() { return HWY_NAMESPACE::lanes<T>(); }
  static HWY_INLINE Vec zero() { return hn::Zero(D()); }
  static HWY_INLINE Vec load_some(const T* p, std::int64_t count) {
    return HWY_NAMESPACE::load_some(D(), p, count);
  }
  static HWY_INLINE void store_some(Vec value, T* p, std::int64_t count) {
    HWY_NAMESPACE::store_some(D(), value, p, count);
  }
  static HWY_INLINE Vec weights(const T* p) { return hn::Load(D(), p); }
  static HWY_INLINE Vec input(const T* p) { return hn::Set(D(), *p); }
  static HWY_INLINE Vec last_input(const T* p) { return input(p); }
  static HWY_INLINE Vec multiply_add(Vec input, Vec weights, Vec sum) {
    return hn::MulAdd(input, weights, sum);
  }
};

#include "cpu/simd/indirect_panels-inl.h"

void multiply_any(const IndirectGemm& args) {
  if (args.dtype == DType::float64) return multiply<FusedMultiplyAdd<double>>(args);
  multiply<FusedMultiplyAdd<float>>(args);
}

void pack_any(const WeightMatrix& weights, void* panels) {
  if (weights.dtype == DType::float64)
    return pack<FusedMultiplyAdd<double>>(weights, static_cast<double*>(panels));
  pack<FusedMultiplyAdd<float>>(weights, static_cast<float*>(panels));
}

std::int64_t elements_of_any(DType dtype, std::int64_t in, std::int64_t out) {
  if (dtype == DType::float64) return elements<FusedMultiplyAdd<double>>(in, out);
  return elements<FusedMultiplyAdd<float>>(in, out);
}

bool takes_avx512() { return HWY_TARGET == HWY_AVX3; }

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(multiply_any);
HWY_EXPORT(pack_any);
HWY_EXPORT(elements_of_any);
HWY_EXPORT(takes_avx512);

DType product_dtype(DType dtype) {
  // AVX512_BF16 belongs to the target AVX-512: where dispatch takes another, bfloat16 is converted
  // too.
  const bool native = HWY_DYNAMIC_DISPATCH(takes_avx512)() && bfloat16_kernels() != nullptr;
  return dtype == DType::float64 || (dtype == DType::bfloat16 && native) ? dtype : DType::float32;
}

void indirect_gemm(const IndirectGemm& args) {
  if (args.dtype == DType::bfloat16) return bfloat16_kernels()->indirect_gemm(args);
  HWY_DYNAMIC_DISPATCH(multiply_any)(args);
}

void pack_panels(const WeightMatrix& weights, void* panels) {
  if (weights.dtype == DType::bfloat16) return bfloat16_kernels()->pack_panels(weights, panels);
  HWY_DYNAMIC_DISPATCH(pack_any)(weights, panels);
}

std::int64_t panel_elements(DType dtype, std::int64_t in, std::int64_t out) {
  if (dtype == DType::bfloat16) return bfloat16_kernels()->panel_elements(in, out);
  return HWY_DYNAMIC_DISPATCH(elements_of_any)(dtype, in, out);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
