// The kernel of indirect_gemm where four or eight columns would fill a part of a vector of 16. A vector
// holds four columns by four input channels instead, or eight by two: with n channels, lane n c + q adds up the channels
// q, q + n, ... of column c. The sums of n rows become whole together, by a transposition, and only then are added to y.
// Compiled once for each target.
#if defined(GAVOTTE_INDIRECT_FEW_COLUMNS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_INDIRECT_FEW_COLUMNS_INL_H
#undef GAVOTTE_INDIRECT_FEW_COLUMNS_INL_H
#else
#define GAVOTTE_INDIRECT_FEW_COLUMNS_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3

constexpr std::int64_t kFewRowsAhead = 32;  // rows that are in no order are fetched
constexpr int kFewRows = 4;  // rows at a time: sums that hide the latency of an addition

using FewTag = hn::FixedTag<float, 16>;
using FewSums = hn::Vec<FewTag>;

// The halves of a and b whose lanes are of even channels plus those of odd ones, 64 bits of a, then of b.
HWY_INLINE FewSums add_interleaved(FewSums a, FewSums b) {
  const FewTag d;
  return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
}
HWY_INLINE FewSums add_interleaved_pairs(FewSums a, FewSums b) {
  const FewTag d;
  const hn::FixedTag<std::uint64_t, 8> pairs;
  const auto low = hn::BitCast(pairs, a), high = hn::BitCast(pairs, b);
  return hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, low, high)),
                 hn::BitCast(d, hn::InterleaveUpper(pairs, low, high)));
}

// Vectors of four columns or of eight.
template <int columns>
struct FewColumns;

template <>
struct FewColumns<4> {
  static constexpr int kInputs = 4;
  using Row = hn::FixedTag<float, 4>;
  static HWY_INLINE FewSums inputs(const float* p) { return hn::LoadDup128(FewTag(), p); }
  // Lane 4 r + c: the sum of column c of sums[r].
  static HWY_INLINE FewSums whole(const FewSums* sums) {
    alignas(64) static constexpr std::int32_t kPlaces[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                             2, 6, 10, 14, 3, 7, 11, 15};
    const FewSums by_column =
        add_interleaved_pairs(add_interleaved(sums[0], sums[1]), add_interleaved(sums[2], sums[3]));
    return hn::TableLookupLanes(by_column, hn::SetTableIndices(FewTag(), kPlaces));
  }
  static HWY_INLINE void rows(FewSums whole, hn::Vec<Row>* to) {
    const hn::FixedTag<float, 8> half;
    const auto low = hn::LowerHalf(half, whole), high = hn::UpperHalf(half, whole);
    to[0] = hn::LowerHalf(Row(), low);
    to[1] = hn::UpperHalf(Row(), low);
    to[2] = hn::LowerHalf(Row(), high);
    to[3] = hn::UpperHalf(Row(), high);
  }
};

template <>
struct FewColumns<8> {
  static constexpr int kInputs = 2;
  using Row = hn::FixedTag<float, 8>;
  static HWY_INLINE FewSums inputs(const float* p) {
    double both;
    std::memcpy(&both, p, sizeof(both));
    return hn::BitCast(FewTag(), hn::Set(hn::FixedTag<double, 8>(), both));
  }
  // Lane 8 r + c: the sum of column c of sums[r].
  static HWY_INLINE FewSums whole(const FewSums* sums) {
    alignas(64) static constexpr std::int32_t kPlaces[16] = {0, 2, 4, 6, 8, 10, 12, 14,
                                                             1, 3, 5, 7, 9, 11, 13, 15};
    const FewTag d;
    const FewSums even = hn::OddEven(hn::Shuffle2301(sums[1]), sums[0]);
    const FewSums odd = hn::OddEven(sums[1], hn::Shuffle2301(sums[0]));
    return hn::TableLookupLanes(hn::Add(even, odd), hn::SetTableIndices(d, kPlaces));
  }
  static HWY_INLINE void rows(FewSums whole, hn::Vec<Row>* to) {
    to[0] = hn::LowerHalf(Row(), whole);
    to[1] = hn::UpperHalf(Row(), whole);
  }
};

template <class F>
HWY_INLINE void multiply_few_inputs(const float* const (&x)[kFewRows], std::int64_t i,
                                    FewSums weights, FewSums (&sums)[kFewRows]) {
  GAVOTTE_UNROLL
  for (int r = 0; r < kFewRows; ++r) sums[r] = hn::MulAdd(F::inputs(x[r] + i), weights, sums[r]);
}

// The pairs [j, j + rows), rows <= kFewRows. steps: how many vectors of weights are in `kept`, all; 0: none.
template <int columns, int steps, bool first>
HWY_INLINE void multiply_few_rows(const IndirectGemm& args, const FewSums (&kept)[steps + 1],
                                  std::int64_t j, std::int64_t rows) {
  using F = FewColumns<columns>;
  const FewTag d;
  const float* x[kFewRows];
  FewSums sums[kFewRows];
  GAVOTTE_UNROLL
  for (int r = 0; r < kFewRows; ++r) {
    x[r] = static_cast<const float*>(args.x) +
           args.x_rows[j + std::min<std::int64_t>(r, rows - 1)] * args.x_stride;
    sums[r] = hn::Zero(d);
  }
  if constexpr (steps > 0) {
    GAVOTTE_UNROLL
    for (int s = 0; s < steps; ++s)
      multiply_few_inputs<F>(x, std::int64_t{F::kInputs} * s, kept[s], sums);
  } else {
    const auto* weights = static_cast<const float*>(args.panels);
    for (std::int64_t i = 0; i < args.in; i += F::kInputs, weights += 16)
      multiply_few_inputs<F>(x, i, hn::Load(d, weights), sums);
  }
  hn::Vec<typename F::Row> by_row[kFewRows];
  GAVOTTE_UNROLL
  for (int r = 0; r < kFewRows; r += F::kInputs) F::rows(F::whole(sums + r), by_row + r);
  GAVOTTE_UNROLL
  for (int r = 0; r < kFewRows; ++r) {
    if (r >= rows) break;
    float* y = static_cast<float*>(args.y) + args.y_rows[j + r] * args.y_stride;
    const typename F::Row row;
    hn::StoreU(first ? by_row[r] : hn::Add(hn::LoadU(row, y), by_row[r]), row, y);
  }
}

HWY_INLINE void fetch_few_rows(const IndirectGemm& args, std::int64_t j) {
  for (const std::int64_t end = std::min(j + kFewRows, args.count); j < end; ++j)
    for (std::int64_t i = 0; i < args.in; i += 16)
      hwy::Prefetch(static_cast<const float*>(args.x) + args.x_rows[j] * args.x_stride + i);
}

template <int columns, int steps, bool first>
HWY_NOINLINE void multiply_few(const IndirectGemm& call) {
  const IndirectGemm args = call;  // a copy whose address no call takes: in registers
  FewSums kept[steps + 1];
  GAVOTTE_UNROLL
  for (int s = 0; s < steps; ++s)
    kept[s] = hn::Load(FewTag(), static_cast<const float*>(args.panels) + s * 16);
  std::int64_t j = 0;
  for (; j + kFewRows <= args.count; j += kFewRows) {
    if (args.scattered) fetch_few_rows(args, j + kFewRowsAhead);
    multiply_few_rows<columns, steps, first>(args, kept, j, kFewRows);
  }
  if (j < args.count) multiply_few_rows<columns, steps, first>(args, kept, j, args.count - j);
}

template <int columns, int steps>
void multiply_few(const IndirectGemm& args) {
  args.first ? multiply_few<columns, steps, true>(args) : multiply_few<columns, steps, false>(args);
}

template <int columns>
void multiply_few(const IndirectGemm& args) {
  constexpr int inputs = FewColumns<columns>::kInputs;
  if (args.in == 4) return multiply_few<columns, 4 / inputs>(args);
  if (args.in == 8) return multiply_few<columns, 8 / inputs>(args);
  if (args.in == 16) return multiply_few<columns, 16 / inputs>(args);
  if (args.in == 32) return multiply_few<columns, 32 / inputs>(args);
  multiply_few<columns, 0>(args);
}

// Rows that are shorter than a part of a vector would be stored by masks, which the next rows' loads wait for.
inline bool takes_few_columns(DType dtype, std::int64_t in, std::int64_t out) {
  return dtype == DType::float32 && in > 0 &&
         ((out == 4 && in % FewColumns<4>::kInputs == 0) ||
          (out == 8 && in % FewColumns<8>::kInputs == 0));
}
inline PanelLayout few_columns_layout(std::int64_t out) { return {out, out, 16 / out}; }
inline void multiply_few_columns(const IndirectGemm& args) {
  args.out == 4 ? multiply_few<4>(args) : multiply_few<8>(args);
}

#else

// A vector has too few lanes to be shared.
inline bool takes_few_columns(DType, std::int64_t, std::int64_t) { return false; }
inline PanelLayout few_columns_layout(std::int64_t) { return {}; }
inline void multiply_few_columns(const IndirectGemm&) {}

#endif

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
