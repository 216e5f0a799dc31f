// The register kernels of the weights' gradient: a block of it, some input channels x some vectors of output channels,
// stays in registers while pairs stream by; each adds its input, broadcast, times its gradient row. Compiled once for each
// target.
//
// Where the output channels fill one vector, broadcasts would load as often as they multiply. There an input is loaded as
// 128-bit groups, each repeated through the vector, and multiplied with the gradient row and its permutations inside those
// groups: sums of the diagonals of a group's products, which are put in order once at the end (measured on AVX-512, rows
// in cache: 62 -> 91 % of the register peak at 16 -> 16 channels, 50 -> 73 % at 4 -> 16). Where permutes take multipliers'
// ports, groups are two inputs of float32: one permute instead of three (Xeon with AMX, 2026-11-23,
// lidar_10 and lidar_80: 1.05 of the rate at 16 channels, 1.03 for 4 -> 16).
#if defined(GAVOTTE_WGRAD_BLOCKS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_WGRAD_BLOCKS_INL_H
#undef GAVOTTE_WGRAD_BLOCKS_INL_H
#else
#define GAVOTTE_WGRAD_BLOCKS_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/simd/indirect_wgrad.h"
#include "cpu/simd/partial_vector-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of a block by its vectors: 32 registers, or 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kMostVectors = 4;
constexpr std::array<int, kMostVectors + 1> kRows = {0, 16, 12, 8, 6};
#else
constexpr int kMostVectors = 2;
constexpr std::array<int, kMostVectors + 1> kRows = {0, 8, 6};
#endif
constexpr int kFewestSums = 12;      // independent sums that hide the latency of an addition
constexpr std::int64_t kAhead = 64;  // pairs that a lone block fetches ahead

template <class T>
constexpr int kGroup = HWY_TARGET == HWY_SCALAR ? 1 : 16 / sizeof(T);  // lanes of 128 bits

// Lanes of a group where permutes are spared.
template <class T>
constexpr int kSmallGroup = HWY_ARCH_X86&& HWY_TARGET <= HWY_AVX3 ? 2 : kGroup<T>;

// Rows of a block of one vector that has no groups: those below one.
template <class T>
constexpr int kMostPlain = kGroup<T> == 1 ? kRows[1] : kGroup<T> - 1;

/// What an input, broadcast, and a gradient row add to a sum: their product.
template <class T>
struct Products {
  using Element = T;
  template <class V>
  static HWY_INLINE V multiply_add(V input, V gradient, V sum) {
    return hn::MulAdd(input, gradient, sum);
  }
};

// Chains of pairs that a block of so many sums adds up apart.
constexpr int chains_of(int sums) {
  return sums >= kFewestSums ? 1 : sums >= kFewestSums / 2 ? 2 : 4;
}

// A line of rows that are read later.
template <class T>
struct Line {
  const T* from = nullptr;
  const std::int32_t* rows = nullptr;
  std::int64_t stride = 0;
  const T* row(std::int64_t j) const { return from + rows[j] * stride; }
};

// One block and the pairs of one piece. Pointers stand at the block's first channels.
template <class T>
struct Block {
  const T* x;
  const T* grad;
  T* sum;
  std::int64_t x_stride, grad_stride, sum_stride;
  std::int64_t last_lanes;  // channels in the last vector
  const std::int32_t *x_rows, *grad_rows;
  std::int64_t count;
  bool first;
  bool lone, fetches_inputs;  // lone: of its piece, it fetches rows of its own pairs; else
  bool second_level;          // into this cache, or into the first
  std::int64_t fetched;       // of so many pairs that come later
  Line<T> line = {}, second_line = {};  // these lines, where they are not null
  const T* input(std::int64_t j) const { return x + x_rows[j] * x_stride; }
  const T* gradient(std::int64_t j) const { return grad + grad_rows[j] * grad_stride; }
};

template <class T>
constexpr std::int64_t kLineElements = 64 / sizeof(T);

// The lines of the rows of the next pairs, those of x first, in nearly equal parts for the blocks of a piece.
template <class T>
class NextLines {
 public:
  NextLines(const IndirectWgrad& args, const PairRows& next, std::int64_t blocks)
      : x_{static_cast<const T*>(args.x), next.x, args.x_stride},
        grad_{static_cast<const T*>(args.grad), next.grad, args.grad_stride},
        x_lines_((args.in + kLineElements<T> - 1) / kLineElements<T>),
        lines_(x_lines_ + (args.out + kLineElements<T> - 1) / kLineElements<T>),
        blocks_(blocks) {}
  // Those of the block that is next; of more than two the first two.
  HWY_INLINE void give(Block<T>& block) {
    const std::int64_t line = end_;
    for (rest_ += lines_; rest_ >= blocks_; rest_ -= blocks_) ++end_;
    block.line = line_of(line);
    block.second_line = line_of(line + 1);
  }

 private:
  HWY_INLINE Line<T> line_of(std::int64_t line) const {
    if (line >= end_) return {};
    const bool of_x = line < x_lines_;
    Line<T> rows = of_x ? x_ : grad_;
    rows.from += (of_x ? line : line - x_lines_) * kLineElements<T>;
    return rows;
  }
  Line<T> x_, grad_;
  std::int64_t x_lines_, lines_, blocks_;
  std::int64_t end_ = 0, rest_ = 0;  // lines given so far: rest_ / blocks_ of one more is due
};

// The last vector of a block's gradient rows. Asked beforehand whether it is whole: on Intel's CPUs a mask takes a port
// that multiplies (as above: 1.05 of the rate at 16 channels, 1.02 to 1.03 at 32 to 128).
template <class D, bool whole>
struct LoadLast : LoadSome<D> {
  using LoadSome<D>::LoadSome;
};
template <class D>
struct LoadLast<D, true> {
  LoadLast(D, std::int64_t) {}
  HWY_INLINE hn::Vec<D> operator()(D d, const hn::TFromD<D>* p) const { return hn::LoadU(d, p); }
};

// What is called for each pair becomes part of the loops: its sums stay in registers.
#define GAVOTTE_STEP HWY_ATTR __attribute__((always_inline))

// From the second-level cache the rows of the next piece do not push those of this one out of the first, where that does not
// hold both (float32; Xeon with AMX, 2026-11-23, lidar_10, random_20000, random_100000: 1.01 to 1.03 of the rate at 64 and 128
// channels; 32 channels 0.96; EPYC with AVX-512, 2026-11-24, lidar_10, room_10: 1.00 to 1.06 at 32 to 256).
template <bool second_level, class T>
HWY_INLINE void fetch_line(const T* p) {
  if constexpr (second_level) {
    __builtin_prefetch(p, 0, 2);
  } else {
    hwy::Prefetch(p);
  }
}

// The pairs beside which lines of the next piece are fetched; returns how many these are.
template <int chains, bool second_level, class T, class Step>
HWY_INLINE std::int64_t fetch_beside(const Block<T>& block, Step&& step) {
  std::int64_t j = 0;
  for (; j + chains <= block.fetched; j += chains) {
    GAVOTTE_UNROLL
    for (int chain = 0; chain < chains; ++chain) {
      fetch_line<second_level>(block.line.row(j + chain));
      if (block.second_line.from != nullptr)
        fetch_line<second_level>(block.second_line.row(j + chain));
      step(j + chain, chain);
    }
  }
  return j;
}

// Calls step(j, chain) for each pair: pair j goes to chain j % chains, those behind the last whole round to chain 0.
template <int chains, int vectors, class T, class Step>
HWY_INLINE void for_each_pair(const Block<T>& block, Step&& step) {
  std::int64_t j = 0;
  if (block.lone) {
    for (; j + chains + kAhead <= block.count; j += chains) {
      GAVOTTE_UNROLL
      for (int chain = 0; chain < chains; ++chain) {
        if (block.fetches_inputs) hwy::Prefetch(block.input(j + chain + kAhead));
        hwy::Prefetch(block.gradient(j + chain + kAhead));
        step(j + chain, chain);
      }
    }
  } else if (block.line.from != nullptr) {
    // Two loops cost blocks of few vectors registers (as above, 24 channels: 0.95 of the rate).
    j = vectors > 2 && block.second_level ? fetch_beside<chains, true>(block, step)
                                          : fetch_beside<chains, false>(block, step);
  }
  for (; j + chains <= block.count; j += chains) {
    GAVOTTE_UNROLL
    for (int chain = 0; chain < chains; ++chain) step(j + chain, chain);
  }
  for (; j < block.count; ++j) step(j, 0);
}

template <class P, bool whole, int rows, int vectors>
HWY_NOINLINE void add_block(const Block<typename P::Element>& args) {
  using T = typename P::Element;
  const Block<T> block = args;  // a copy whose address no call takes: its members stay in registers
  constexpr int chains = chains_of(rows * vectors);
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const std::int64_t width = lanes<T>(), last_lanes = whole ? width : block.last_lanes;
  const LoadLast<decltype(d), whole> load_last(d, last_lanes);
  V sums[chains][rows][vectors];
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    const T* from = block.sum + r * block.sum_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      GAVOTTE_UNROLL
      for (int chain = 0; chain < chains; ++chain) sums[chain][r][v] = hn::Zero(d);
      if (block.first) continue;
      sums[0][r][v] = v + 1 < vectors ? hn::LoadU(d, from + v * width)
                                      : load_some(d, from + v * width, last_lanes);
    }
  }
  for_each_pair<chains, vectors>(block, [&](std::int64_t j, int chain) GAVOTTE_STEP {
    const T* x = block.input(j);
    const T* grad = block.gradient(j);
    V gradient[vectors];
    GAVOTTE_UNROLL
    for (int v = 0; v + 1 < vectors; ++v) gradient[v] = hn::LoadU(d, grad + v * width);
    gradient[vectors - 1] = load_last(d, grad + (vectors - 1) * width);
    GAVOTTE_UNROLL
    for (int r = 0; r < rows; ++r) {
      const V input = hn::Set(d, x[r]);
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v)
        sums[chain][r][v] = P::multiply_add(input, gradient[v], sums[chain][r][v]);
    }
  });
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    T* to = block.sum + r * block.sum_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      V sum = sums[0][r][v];
      GAVOTTE_UNROLL
      for (int chain = 1; chain < chains; ++chain) sum = hn::Add(sum, sums[chain][r][v]);
      store_some(d, sum, to + v * width, v + 1 < vectors ? width : last_lanes);
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Lane l of the result is lane l ^ s of the value, inside its 128-bit group.
template <int s, class V>
HWY_INLINE V exchange(V value) {
  if constexpr (s == 0) return value;
  if constexpr (sizeof(hn::TFromV<V>) == 8) {
    return hn::Shuffle01(value);
  } else {
    if constexpr (s == 1) return hn::Shuffle2301(value);
    if constexpr (s == 2) return hn::Shuffle1032(value);
    if constexpr (s == 3) return hn::Shuffle0123(value);
  }
}

// The `group` values at p, again and again.
template <int group, class D>
HWY_INLINE hn::Vec<D> load_group(D d, const hn::TFromD<D>* p) {
  if constexpr (group * sizeof(hn::TFromD<D>) == 16) {
    return hn::LoadDup128(d, p);
  } else {
    double both;
    std::memcpy(&both, p, sizeof(both));
    return hn::BitCast(d, hn::Set(hn::Repartition<double, D>(), both));
  }
}

// Lane l of the result is lane l of values[(l % group) ^ r].
template <int group, int r, class D>
HWY_INLINE hn::Vec<D> row_of_diagonals(D d, const hn::Vec<D>* values) {
  const auto low = hn::OddEven(values[1 ^ r], values[0 ^ r]);
  if constexpr (group == 2) {
    return low;
  } else {
    const hn::Repartition<double, D> wide;
    const auto high = hn::OddEven(values[3 ^ r], values[2 ^ r]);
    return hn::BitCast(d, hn::OddEven(hn::BitCast(wide, high), hn::BitCast(wide, low)));
  }
}

// A block one vector wide and whole groups of input channels high. Lane l of sums[..][g][s] adds up
// x[g * group + l % group] * grad[l ^ s].
template <class P, bool whole, int groups, int... s>
HWY_INLINE void add_diagonals_of(const Block<typename P::Element>& args,
                                 std::integer_sequence<int, s...>) {
  using T = typename P::Element;
  const Block<T> block = args;  // its members stay in registers, too
  constexpr int group = sizeof...(s);
  constexpr int chains = chains_of(groups * group);
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const LoadLast<decltype(d), whole> load_last(d, block.last_lanes);
  V sums[chains][groups][group];
  GAVOTTE_UNROLL
  for (int chain = 0; chain < chains; ++chain) {
    GAVOTTE_UNROLL
    for (int g = 0; g < groups; ++g) ((sums[chain][g][s] = hn::Zero(d)), ...);
  }
  for_each_pair<chains, 1>(block, [&](std::int64_t j, int chain) GAVOTTE_STEP {
    const T* x = block.input(j);
    const V gradient = load_last(d, block.gradient(j));
    const V exchanged[group] = {exchange<s>(gradient)...};
    GAVOTTE_UNROLL
    for (int g = 0; g < groups; ++g) {
      const V inputs = load_group<group>(d, x + g * group);
      ((sums[chain][g][s] = P::multiply_add(inputs, exchanged[s], sums[chain][g][s])), ...);
    }
  });
  GAVOTTE_UNROLL
  for (int g = 0; g < groups; ++g) {
    GAVOTTE_UNROLL
    for (int chain = 1; chain < chains; ++chain)
      ((sums[0][g][s] = hn::Add(sums[0][g][s], sums[chain][g][s])), ...);
    const V values[group] = {exchange<s>(sums[0][g][s])...};
    const V rows[group] = {row_of_diagonals<group, s>(d, values)...};
    GAVOTTE_UNROLL
    for (int r = 0; r < group; ++r) {
      T* to = block.sum + (g * group + r) * block.sum_stride;
      const V sum = block.first ? rows[r] : hn::Add(load_some(d, to, block.last_lanes), rows[r]);
      store_some(d, sum, to, block.last_lanes);
    }
  }
}

// `rows` input channels, whole groups.
template <class P, bool whole, int group, int rows>
HWY_NOINLINE void add_diagonals(const Block<typename P::Element>& block) {
  add_diagonals_of<P, whole, rows / group>(block, std::make_integer_sequence<int, group>());
}

#endif  // HWY_TARGET != HWY_SCALAR

template <class P>
using Kernel = void (*)(const Block<typename P::Element>&);

template <class P, bool whole, int vectors, int... rows>
Kernel<P> block_kernel(std::int64_t height, std::integer_sequence<int, rows...>) {
  static constexpr Kernel<P> kernels[] = {&add_block<P, whole, rows + 1, vectors>...};
  return kernels[height - 1];
}

#if HWY_TARGET != HWY_SCALAR
template <class P, bool whole, int group, int... blocks>
Kernel<P> diagonal_kernel(std::int64_t count, std::integer_sequence<int, blocks...>) {
  static constexpr int unit = kGroup<typename P::Element>;
  static constexpr Kernel<P> kernels[] = {&add_diagonals<P, whole, group, (blocks + 1) * unit>...};
  return kernels[count - 1];
}
#endif

template <class P, bool whole>
Kernel<P> kernel_of(std::int64_t rows, std::int64_t vectors, [[maybe_unused]] bool shuffle_ports) {
  using T = typename P::Element;
  switch (vectors) {
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
    case 4:
      return block_kernel<P, whole, 4>(rows, std::make_integer_sequence<int, kRows[4]>());
    case 3:
      return block_kernel<P, whole, 3>(rows, std::make_integer_sequence<int, kRows[3]>());
#endif
    case 2:
      return block_kernel<P, whole, 2>(rows, std::make_integer_sequence<int, kRows[2]>());
    default:
#if HWY_TARGET != HWY_SCALAR
      if (rows >= kGroup<T>) {
        const std::int64_t units = rows / kGroup<T>;
        constexpr auto heights = std::make_integer_sequence<int, kRows[1] / kGroup<T>>();
        return shuffle_ports ? diagonal_kernel<P, whole, kGroup<T>>(units, heights)
                             : diagonal_kernel<P, whole, kSmallGroup<T>>(units, heights);
      }
#endif
      return block_kernel<P, whole, 1>(rows, std::make_integer_sequence<int, kMostPlain<T>>());
  }
}

// whole: the last vector has all its lanes.
template <class P>
Kernel<P> kernel_of(std::int64_t rows, std::int64_t vectors, [[maybe_unused]] bool whole,
                    bool shuffle_ports) {
#if HWY_TARGET <= HWY_AVX3
  if (whole) return kernel_of<P, true>(rows, vectors, shuffle_ports);
#endif
  return kernel_of<P, false>(rows, vectors, shuffle_ports);
}

#undef GAVOTTE_STEP

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
