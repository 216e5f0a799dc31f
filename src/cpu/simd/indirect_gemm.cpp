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
#include <cstring>

#include "cpu/simd/indirect_few_columns-inl.h"
#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/native_kernels.h"
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
  static constexpr bool kAdds = false;
  static constexpr int kInputs = 1;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64  // 32 registers, or 16
  static constexpr int kMostVectors = 4;
  // Two vectors: more rows (Xeon with AMX, 2026-11-23, float32, 32 channels: 1.01 to 1.03 of the rate of 8), as far as a
  // cache line has places for their fetches.
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 8, sizeof(T) == 4 ? 10 : 8, 8, 6};
#else
  static constexpr int kMostVectors = 2;
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 6, 6};
#endif
  static HWY_INLINE std::int64_t lanes() { return HWY_NAMESPACE::lanes<T>(); }
  static HWY_INLINE Vec zero() { return hn::Zero(D()); }
  static HWY_INLINE Vec add(Vec a, Vec b) { return hn::Add(a, b); }
  static HWY_INLINE Vec load_some(const T* p, std::int64_t count) {
    return HWY_NAMESPACE::load_some(D(), p, count);
  }
  static HWY_INLINE void store_some(Vec value, T* p, std::int64_t count) {
    HWY_NAMESPACE::store_some(D(), value, p, count);
  }
  static HWY_INLINE Vec weights(const T* p) { return hn::Load(D(), p); }
  static HWY_INLINE Vec input(const T* p) { return hn::Set(D(), *p); }
  static HWY_INLINE Vec last_input(const T* p, std::int64_t) { return input(p); }
  static constexpr bool kHasPairs = false;
#if HWY_TARGET == HWY_SCALAR
  static constexpr bool kHasBlocks = false;
#else
  static constexpr bool kHasBlocks = sizeof(T) == 4;
  static HWY_INLINE Vec load_block(const T* p) { return hn::LoadDup128(D(), p); }
  template <int lane>
  static HWY_INLINE Vec lane_of(Vec block) {
    return hn::Broadcast<lane>(block);
  }
#endif
  static HWY_INLINE Vec multiply_add(Vec input, Vec weights, Vec sum) {
    return hn::MulAdd(input, weights, sum);
  }
};

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
struct Float32 : FusedMultiplyAdd<float> {
  static constexpr bool kHasPairs = true;
  static constexpr std::int64_t kMostLanes = 16;
  static HWY_INLINE Vec input_pair(const float* p) {
    double both;
    std::memcpy(&both, p, sizeof(both));
    return hn::BitCast(D(), hn::Set(hn::ScalableTag<double>(), both));
  }
  static HWY_INLINE Vec last_input_pair(const float* p, std::int64_t) {
    return hn::OddEven(zero(), input(p));
  }
  static HWY_INLINE Vec no_weights() { return zero(); }
  static HWY_INLINE void store_weights(Vec weights, float* p) { hn::Store(weights, D(), p); }
  static HWY_INLINE Vec odd_even(Vec odd, Vec even) { return hn::OddEven(odd, even); }
  static HWY_INLINE Vec swap_neighbours(Vec v) { return hn::Shuffle2301(v); }
};
#else
using Float32 = FusedMultiplyAdd<float>;
#endif

// Four products of a byte at least 0 and a signed one into each lane, exactly: by halves of 16 bits
// where the CPU multiplies those in pairs, else one by one.
struct ByteProducts {
  using D = hn::ScalableTag<std::int32_t>;
  using D16 = hn::Repartition<std::int16_t, D>;
  using Input = std::uint8_t;  // of a panel: the bits of an int8
  using Sum = std::int32_t;
  using Vec = hn::Vec<D>;
  static constexpr bool kAdds = true;
  static constexpr int kInputs = 4;
  static constexpr bool kHasBlocks = false, kHasPairs = false;
  static constexpr int kMostVectors = 2;
  static constexpr std::array<int, kMostVectors + 1> kRows = {0, 4, 3};
  static HWY_INLINE std::int64_t lanes() { return HWY_NAMESPACE::lanes<Sum>(); }
  static HWY_INLINE Vec zero() { return hn::Zero(D()); }
  static HWY_INLINE Vec add(Vec a, Vec b) { return hn::Add(a, b); }
  static HWY_INLINE Vec load_some(const Sum* p, std::int64_t count) {
    return HWY_NAMESPACE::load_some(D(), p, count);
  }
  static HWY_INLINE void store_some(Vec value, Sum* p, std::int64_t count) {
    HWY_NAMESPACE::store_some(D(), value, p, count);
  }
  static HWY_INLINE Vec weights(const Input* p) {
    return hn::Load(D(), reinterpret_cast<const Sum*>(p));
  }
  static HWY_INLINE Vec last_input(const Input* p, std::int64_t count) {
    Sum four = 0;
    std::memcpy(&four, p, static_cast<std::size_t>(count));
    return hn::Set(D(), four);
  }
  static HWY_INLINE Vec input(const Input* p) { return last_input(p, kInputs); }
  static HWY_INLINE Vec multiply_add(Vec input, Vec weights, Vec sum) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
    const auto x = hn::BitCast(D16(), input), w = hn::BitCast(D16(), weights);
    const auto even = hn::And(x, hn::Set(D16(), std::int16_t{0xff}));
    const hn::Repartition<std::uint16_t, D> unsigned16;
    const auto odd = hn::BitCast(D16(), hn::ShiftRight<8>(hn::BitCast(unsigned16, input)));
    auto none = zero();  // stays so: on x86 both halves of a pair are added to the first sum
    sum =
        hn::ReorderWidenMulAccumulate(D(), even, hn::ShiftRight<8>(hn::ShiftLeft<8>(w)), sum, none);
    return hn::ReorderWidenMulAccumulate(D(), odd, hn::ShiftRight<8>(w), sum, none);
#else
    const auto byte = hn::Set(D(), 0xff);
    const auto product = [&](Vec x, Vec w) {
      return hn::Mul(hn::And(x, byte), hn::ShiftRight<24>(w));
    };
    sum = hn::Add(sum, product(input, hn::ShiftLeft<24>(weights)));
    sum = hn::Add(sum, product(hn::ShiftRight<8>(input), hn::ShiftLeft<16>(weights)));
    sum = hn::Add(sum, product(hn::ShiftRight<16>(input), hn::ShiftLeft<8>(weights)));
    return hn::Add(sum, product(hn::ShiftRight<24>(input), weights));
#endif
  }
};

#include "cpu/simd/indirect_panels-inl.h"

void multiply_any(const IndirectGemm& args) {
  if (takes_few_columns(args.dtype, args.in, args.out)) return multiply_few_columns(args);
  if (args.dtype == DType::uint8) return multiply<ByteProducts>(args);
  if (args.dtype == DType::float64) return multiply<FusedMultiplyAdd<double>>(args);
  multiply<Float32>(args);
}

PanelLayout layout_of_any(DType dtype, std::int64_t in, std::int64_t out) {
  if (takes_few_columns(dtype, in, out)) return few_columns_layout(out);
  if (dtype == DType::uint8) return layout<ByteProducts>();
  if (dtype == DType::float64) return layout<FusedMultiplyAdd<double>>();
  return layout<Float32>();
}

bool has_few_columns(std::int64_t in, std::int64_t out) {
  return takes_few_columns(DType::float32, in, out);
}

std::int64_t target() { return HWY_TARGET; }

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(multiply_any);
HWY_EXPORT(layout_of_any);
HWY_EXPORT(has_few_columns);
HWY_EXPORT(target);

// Kernels with instructions beyond the target that dispatch takes; null where there are none.
static const NativeKernels* native_kernels(DType dtype) {
  if (dtype != DType::bfloat16 && dtype != DType::uint8) return nullptr;
  const std::int64_t target = HWY_DYNAMIC_DISPATCH(target)();
  if (target == HWY_AVX3) return dtype == DType::bfloat16 ? bfloat16_kernels() : byte_kernels();
  return target == HWY_AVX2 && dtype == DType::uint8 ? byte_kernels_256() : nullptr;
}

const NativeKernels& portable_byte_kernels() {
  static constexpr NativeKernels kernels = {
      [] { return HWY_DYNAMIC_DISPATCH(layout_of_any)(DType::uint8, 0, 0); },
      [](const IndirectGemm& args) {
        HWY_DYNAMIC_DISPATCH(multiply_any)
        (args);
      }};
  return kernels;
}

bool multiplies_by_tiles(DType dtype, std::int64_t in, std::int64_t out, bool matrix_tiles) {
  return native_kernels(dtype) != nullptr && takes_tiles(dtype, in, out, matrix_tiles);
}

DType product_dtype(DType dtype, std::int64_t in, std::int64_t out) {
  if (dtype == DType::float64 || dtype == DType::uint8) return dtype;
  if (native_kernels(dtype) == nullptr) return DType::float32;
  // Rows of more channels take longer to convert than float32 saves (EPYC with AVX-512, 2026-11-23,
  // lidar_10: 16 -> 4 channels at 2.3 of the rate of bfloat16's kernel, 64 -> 4 and 32 -> 8 at 1.3, 64 -> 8 at 0.8).
  // Converting all that a CPU with matrix tiles leaves to VDPBF16PS, which it runs at half of float32's rate, gains 1.2 at
  // 16 -> 16 and nothing beside it, and takes room for the copy (Xeon with AMX, 2026-11-23).
  constexpr std::int64_t kMostConverted = 256;
  const bool converts =
      in * out <= kMostConverted && HWY_DYNAMIC_DISPATCH(has_few_columns)(in, out);
  return converts ? DType::float32 : dtype;
}

void indirect_gemm(const IndirectGemm& args) {
  if (const NativeKernels* native = native_kernels(args.dtype)) return native->indirect_gemm(args);
  HWY_DYNAMIC_DISPATCH(multiply_any)(args);
}

PanelLayout panel_layout(DType dtype, std::int64_t in, std::int64_t out) {
  if (const NativeKernels* native = native_kernels(dtype)) return native->panel_layout();
  return HWY_DYNAMIC_DISPATCH(layout_of_any)(dtype, in, out);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
