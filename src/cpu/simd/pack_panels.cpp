// Rows of the matrix are copied or interleaved, columns of it transposed by square blocks of 128-bit
// vectors.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/pack_panels.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "cpu/simd/pack_panels.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kLineWords = 16;  // steps whose words of a column are read together

// One panel: its columns of the matrix, and its memory. A step is `inputs` input channels, a word
// a step's part of a column.
struct Panel {
  const std::byte* from;
  std::int64_t in, columns, padded;  // channels; columns, and those with the zeros
  std::int64_t in_bytes, out_bytes;  // strides
  std::byte* to;
};

// Inputs [first, in) of columns [column, columns), one by one.
template <class T, int inputs>
void copy_elements(const Panel& panel, std::int64_t first, std::int64_t column) {
  for (std::int64_t i = first; i < panel.in; ++i) {
    T* to = reinterpret_cast<T*>(panel.to) + i / inputs * panel.padded * inputs + i % inputs;
    const std::byte* from = panel.from + i * panel.in_bytes;
    for (std::int64_t c = column; c < panel.columns; ++c)
      std::memcpy(to + c * inputs, from + c * panel.out_bytes, sizeof(T));
  }
}

#if HWY_TARGET != HWY_SCALAR
template <class T>
using Vector = hn::FixedTag<T, 16 / sizeof(T)>;

template <class T>
HWY_INLINE auto load(const std::byte* from) {
  return hn::LoadU(Vector<T>(), reinterpret_cast<const T*>(from));
}
template <class T, class V>
HWY_INLINE void store(V value, std::byte* to) {
  hn::StoreU(value, Vector<T>(), reinterpret_cast<T*>(to));
}

// The whole vectors of each row; returns their columns.
template <class T>
std::int64_t copy_rows(const Panel& panel) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t size = sizeof(T);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t columns = panel.columns / lanes * lanes;
  for (std::int64_t i = 0; i < panel.in; ++i) {
    const std::byte* from = panel.from + i * panel.in_bytes;
    std::byte* to = panel.to + i * panel.padded * size;
    for (std::int64_t c = 0; c < columns; c += lanes)
      hn::StoreU(hn::LoadU(d, reinterpret_cast<const T*>(from + c * size)), d,
                 reinterpret_cast<T*>(to + c * size));
  }
  return columns;
}

// A step's rows of the matrix, side by side.
template <class T, int inputs>
void interleave_rows(const std::byte* from, std::int64_t row_bytes, std::int64_t columns,
                     std::byte* to) {
  static_assert(inputs == 2 || inputs == 4);
  const Vector<T> d;
  for (std::int64_t c = 0; c < columns; c += 16 / sizeof(T), to += 16 * inputs) {
    const std::byte* row = from + c * static_cast<std::int64_t>(sizeof(T));
    const auto a = load<T>(row), b = load<T>(row + row_bytes);
    const auto low = hn::InterleaveLower(d, a, b), high = hn::InterleaveUpper(d, a, b);
    if constexpr (inputs == 2) {
      store<T>(low, to);
      store<T>(high, to + 16);
    } else {
      using Pair = hwy::MakeWide<T>;
      const Vector<Pair> pairs;
      const auto e = load<T>(row + 2 * row_bytes), f = load<T>(row + 3 * row_bytes);
      const auto ab = hn::BitCast(pairs, low), AB = hn::BitCast(pairs, high);
      const auto ef = hn::BitCast(pairs, hn::InterleaveLower(d, e, f));
      const auto EF = hn::BitCast(pairs, hn::InterleaveUpper(d, e, f));
      store<Pair>(hn::InterleaveLower(pairs, ab, ef), to);
      store<Pair>(hn::InterleaveUpper(pairs, ab, ef), to + 16);
      store<Pair>(hn::InterleaveLower(pairs, AB, EF), to + 32);
      store<Pair>(hn::InterleaveUpper(pairs, AB, EF), to + 48);
    }
  }
}

// to[s][c] = word s of column c, for as many of both as a vector has words.
template <class Word>
HWY_INLINE void transpose_block(const std::byte* from, std::int64_t column_bytes, std::byte* to,
                                std::int64_t step_bytes) {
  const Vector<Word> d;
  const auto a = load<Word>(from), b = load<Word>(from + column_bytes);
  const auto low = hn::InterleaveLower(d, a, b), high = hn::InterleaveUpper(d, a, b);
  if constexpr (sizeof(Word) == 8) {
    store<Word>(low, to);
    store<Word>(high, to + step_bytes);
  } else {
    using Pair = std::uint64_t;
    const Vector<Pair> pairs;
    const auto e = load<Word>(from + 2 * column_bytes), f = load<Word>(from + 3 * column_bytes);
    const auto ab = hn::BitCast(pairs, low), AB = hn::BitCast(pairs, high);
    const auto ef = hn::BitCast(pairs, hn::InterleaveLower(d, e, f));
    const auto EF = hn::BitCast(pairs, hn::InterleaveUpper(d, e, f));
    store<Pair>(hn::InterleaveLower(pairs, ab, ef), to);
    store<Pair>(hn::InterleaveUpper(pairs, ab, ef), to + step_bytes);
    store<Pair>(hn::InterleaveLower(pairs, AB, EF), to + 2 * step_bytes);
    store<Pair>(hn::InterleaveUpper(pairs, AB, EF), to + 3 * step_bytes);
  }
}

// Blocks of whole vectors: a cache line of each column before the next.
template <class Word>
void transpose_blocks(const Panel& panel, std::int64_t steps, std::int64_t columns) {
  constexpr std::int64_t size = sizeof(Word), side = 16 / size;
  for (std::int64_t line = 0; line < steps; line += kLineWords)
    for (std::int64_t c = 0; c < columns; c += side)
      for (std::int64_t s = line; s < std::min(line + kLineWords, steps); s += side)
        transpose_block<Word>(panel.from + c * panel.out_bytes + s * size, panel.out_bytes,
                              panel.to + (s * panel.padded + c) * size, panel.padded * size);
}
#endif  // HWY_TARGET != HWY_SCALAR

template <class T, int inputs>
void pack_panel(const Panel& panel) {
  constexpr std::int64_t size = sizeof(T), word = size * inputs;
  const std::int64_t whole = panel.in / inputs, steps = (panel.in + inputs - 1) / inputs;
  if (panel.columns < panel.padded || whole < steps)
    std::memset(panel.to, 0, static_cast<std::size_t>(steps * panel.padded * word));
  std::int64_t done_inputs = 0, done_columns = 0;  // by blocks
#if HWY_TARGET != HWY_SCALAR
  if (panel.out_bytes == size) {
    done_inputs = whole * inputs;
    if constexpr (inputs == 1) {
      done_columns = copy_rows<T>(panel);
    } else {
      done_columns = panel.columns / (16 / size) * (16 / size);
      for (std::int64_t s = 0; s < whole; ++s)
        interleave_rows<T, inputs>(panel.from + s * inputs * panel.in_bytes, panel.in_bytes,
                                   done_columns, panel.to + s * panel.padded * word);
    }
  } else if constexpr (word <= 8) {
    using Word = hwy::UnsignedFromSize<word>;
    constexpr std::int64_t side = 16 / word;
    done_inputs = whole / side * side * inputs;
    done_columns = panel.columns / side * side;
    transpose_blocks<Word>(panel, done_inputs / inputs, done_columns);
  }
#endif
  copy_elements<T, inputs>(panel, done_inputs, 0);
  Panel beside = panel;
  beside.in = done_inputs;
  copy_elements<T, inputs>(beside, 0, done_columns);
}

template <class T, int inputs>
void pack(const PanelLayout& layout, const WeightMatrix& weights, void* panels) {
  constexpr std::int64_t size = sizeof(T);
  auto* to = static_cast<std::byte*>(panels);
  for (std::int64_t column = 0; column < weights.out; column += layout.widest) {
    const std::int64_t columns = std::min(layout.widest, weights.out - column);
    pack_panel<T, inputs>(
        {static_cast<const std::byte*>(weights.data) + column * weights.out_stride * size,
         weights.in, columns, (columns + layout.lanes - 1) / layout.lanes * layout.lanes,
         weights.in_stride * size, weights.out_stride * size, to});
    to += panel_elements(layout, weights.in, columns) * size;
  }
}

void pack_any(const PanelLayout& layout, const WeightMatrix& weights, void* panels) {
  if (weights.dtype == DType::uint8) return pack<std::uint8_t, 4>(layout, weights, panels);
  if (weights.dtype == DType::bfloat16) return pack<std::uint16_t, 2>(layout, weights, panels);
  if (weights.dtype == DType::float64) return pack<std::uint64_t, 1>(layout, weights, panels);
  if (layout.inputs == 4) return pack<std::uint32_t, 4>(layout, weights, panels);
  if (layout.inputs == 2) return pack<std::uint32_t, 2>(layout, weights, panels);
  pack<std::uint32_t, 1>(layout, weights, panels);
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(pack_any);

std::int64_t panel_elements(const PanelLayout& layout, std::int64_t in, std::int64_t out) {
  return (in + layout.inputs - 1) / layout.inputs * layout.inputs *
         ((out + layout.lanes - 1) / layout.lanes * layout.lanes);
}

void pack_panels(const PanelLayout& layout, const WeightMatrix& weights, void* panels) {
  HWY_DYNAMIC_DISPATCH(pack_any)(layout, weights, panels);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
