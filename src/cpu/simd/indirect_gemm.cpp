// The kernel holds the sums of a few rows in registers: rows x vectors of columns, one fused multiply-add for each and
// input channel, with a panel's columns as vectors and an input as a broadcast. A panel is as wide as the registers
// allow, so that a row's inputs are read once for it; rows that are left over have kernels of their own height.
#include <array>
#include <utility>

// Targets whose instructions beyond those of the next are of no use here, and those whose vectors make no arrays.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/indirect_gemm.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include "cpu/simd/indirect_gemm.h"

#ifdef __clang__
#define GAVOTTE_UNROLL _Pragma("unroll")
#else
#define GAVOTTE_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// 32 registers, or 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kMostVectors = 4;
constexpr std::array<int, kMostVectors + 1> kRows = {0, 8, 12, 8, 6};
#else
constexpr int kMostVectors = 2;
constexpr std::array<int, kMostVectors + 1> kRows = {0, 6, 6};
#endif
constexpr std::int64_t kPrefetchBytes = 64;  // rows this long are fetched a group ahead

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

// One panel of the call.
template <class T>
struct Panel {
  const T* x;
  const T* weights;
  T* y;  // at the panel's first column
  std::int64_t in, x_stride, y_stride;
  std::int64_t last_lanes;  // columns in the panel's last vector
  const std::int32_t *x_rows, *y_rows;
  bool first;
};

// The pairs [j, j + rows) of the panel.
template <class T, int rows, int vectors>
HWY_INLINE void multiply_rows(const Panel<T>& panel, std::int64_t j) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const std::int64_t width = lanes<T>();
  const T* x[rows];
  T* y[rows];
  V sums[rows][vectors];
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    x[r] = panel.x + panel.x_rows[j + r] * panel.x_stride;
    y[r] = panel.y + panel.y_rows[j + r] * panel.y_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      if (panel.first) {
        sums[r][v] = hn::Zero(d);
      } else if (v + 1 < vectors) {
        sums[r][v] = hn::LoadU(d, y[r] + v * width);
      } else {
        sums[r][v] = load_some(d, y[r] + v * width, panel.last_lanes);
      }
    }
  }
  const T* weights = panel.weights;
#pragma GCC unroll 4
  for (std::int64_t i = 0; i < panel.in; ++i, weights += vectors * width) {
    V weight[vectors];
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) weight[v] = hn::Load(d, weights + v * width);
    GAVOTTE_UNROLL
    for (int r = 0; r < rows; ++r) {
      const V input = hn::Set(d, x[r][i]);
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(input, weight[v], sums[r][v]);
    }
  }
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    GAVOTTE_UNROLL
    for (int v = 0; v + 1 < vectors; ++v) hn::StoreU(sums[r][v], d, y[r] + v * width);
    store_some(d, sums[r][vectors - 1], y[r] + (vectors - 1) * width, panel.last_lanes);
  }
}

template <class T, int rows, int vectors>
HWY_NOINLINE void multiply_rest(const Panel<T>& panel, std::int64_t j) {
  multiply_rows<T, rows, vectors>(panel, j);
}

template <class T, int vectors, int... rest>
void multiply_rest_of(const Panel<T>& panel, std::int64_t j, std::int64_t count,
                      std::integer_sequence<int, rest...>) {
  using Kernel = void (*)(const Panel<T>&, std::int64_t);
  static constexpr Kernel kernels[] = {&multiply_rest<T, rest + 1, vectors>...};
  kernels[count - 1](panel, j);
}

template <class T, int vectors>
HWY_NOINLINE void multiply_panel(const Panel<T>& panel, std::int64_t count) {
  constexpr int rows = kRows[vectors];
  const bool fetch = panel.in * static_cast<std::int64_t>(sizeof(T)) >= kPrefetchBytes;
  constexpr std::int64_t line = 64 / sizeof(T);
  std::int64_t j = 0;
  for (; j + rows <= count; j += rows) {
    if (fetch && j + 2 * rows <= count) {
      for (std::int64_t next = j + rows; next < j + 2 * rows; ++next)
        for (std::int64_t i = 0; i < panel.in; i += line)
          hwy::Prefetch(panel.x + panel.x_rows[next] * panel.x_stride + i);
    }
    multiply_rows<T, rows, vectors>(panel, j);
  }
  if (j < count)
    multiply_rest_of<T, vectors>(panel, j, count - j, std::make_integer_sequence<int, rows - 1>());
}

template <class T>
void multiply(const IndirectGemm& args) {
  const std::int64_t width = lanes<T>(), widest = kMostVectors * width;
  Panel<T> panel{static_cast<const T*>(args.x),
                 static_cast<const T*>(args.panels),
                 static_cast<T*>(args.y),
                 args.in,
                 args.x_stride,
                 args.y_stride,
                 width,
                 args.x_rows,
                 args.y_rows,
                 args.first};
  for (std::int64_t column = 0; column < args.out; column += widest) {
    const std::int64_t columns = std::min(widest, args.out - column);
    const std::int64_t vectors = (columns + width - 1) / width;
    panel.last_lanes = columns - (vectors - 1) * width;
    switch (vectors) {
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
      case 4:
        multiply_panel<T, 4>(panel, args.count);
        break;
      case 3:
        multiply_panel<T, 3>(panel, args.count);
        break;
#endif
      case 2:
        multiply_panel<T, 2>(panel, args.count);
        break;
      default:
        multiply_panel<T, 1>(panel, args.count);
    }
    panel.weights += vectors * width * args.in;
    panel.y += widest;
  }
}

void multiply_any(const IndirectGemm& args) {
  if (args.dtype == DType::float64) return multiply<double>(args);
  multiply<float>(args);
}

std::int64_t whole_vectors(DType dtype, std::int64_t columns) {
  const std::int64_t width = dtype == DType::float64 ? lanes<double>() : lanes<float>();
  return (columns + width - 1) / width * width;
}

template <class T>
void pack(const WeightMatrix& weights, T* panels) {
  const std::int64_t widest = kMostVectors * lanes<T>();
  const auto* from = static_cast<const T*>(weights.data);
  for (std::int64_t column = 0; column < weights.out; column += widest) {
    const std::int64_t columns = std::min(widest, weights.out - column);
    const std::int64_t padded = whole_vectors(weights.dtype, columns);
    for (std::int64_t i = 0; i < weights.in; ++i, panels += padded) {
      const T* row = from + i * weights.in_stride + column * weights.out_stride;
      for (std::int64_t c = 0; c < columns; ++c) panels[c] = row[c * weights.out_stride];
      std::fill(panels + columns, panels + padded, T{0});
    }
  }
}

void pack_any(const WeightMatrix& weights, void* panels) {
  if (weights.dtype == DType::float64) return pack(weights, static_cast<double*>(panels));
  pack(weights, static_cast<float*>(panels));
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(multiply_any);
HWY_EXPORT(pack_any);
HWY_EXPORT(whole_vectors);

void indirect_gemm(const IndirectGemm& args) { HWY_DYNAMIC_DISPATCH(multiply_any)(args); }
void pack_panels(const WeightMatrix& weights, void* panels) {
  HWY_DYNAMIC_DISPATCH(pack_any)(weights, panels);
}
std::int64_t panel_elements(DType dtype, std::int64_t in, std::int64_t out) {
  return in * HWY_DYNAMIC_DISPATCH(whole_vectors)(dtype, out);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
