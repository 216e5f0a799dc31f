// The loops of an indirect GEMM around the arithmetic of a target. Included inside that target's
// namespace, where an `Arithmetic` says what a vector is and how it multiplies:
//   Input, Sum, Vec   an element of x and of the panels; one of y; a vector of sums
//   kInputs           inputs of a row that one multiply_add takes, side by side in a panel
//   kMostVectors      of the widest panel
//   kRows             by vectors of a panel: the rows whose sums fit beside them in registers
//   lanes(), zero()
//   load_some(p, n), store_some(v, p, n)  n = lanes(): a whole vector
//   weights(p)        an aligned vector of the panel
//   input(p)          the kInputs inputs at p in every lane
//   last_input(p, n)  the n < kInputs at p, and zeros in place of the others
//   multiply_add(input, weights, sum), add(a, b)
//   kAdds             whether a call may add a row to all rows of y
//   kHasBlocks        whether load_block(p) reads the inputs of four multiply_adds at once and
//                     lane_of<i>(block) has those of one in every lane
//   kHasPairs         whether it can be Paired (indirect_pairs-inl.h), as panels of one or two vectors are then

// Rows of x are fetched as many ahead as so many vectors of products take (EPYC with AVX-512, 2026-11-22, key order on
// random_100000 beside 4096 bytes ahead: float32 1.18 of the rate at 16 channels, 1.02 at 64; bfloat16 1.05 at 64; lidar_10
// and room_5 do not mind).
inline constexpr std::int64_t kProductsAhead = 2048, kFewestRowsAhead = 6, kMostRowsAhead = 64;
// Rows in order are fetched, too, where they are of this size: short ones are in reach of the CPU's own look-ahead, of long
// ones it fetches the rest itself (the same CPU, 2026-11-22, key order: from 64 bytes on beside 128 on 1.04 to 1.10 of the
// rate for float32 16 -> 32, 1.05 to 1.13 for bfloat16 of 32 channels; rows of 384 to 1024 bytes 0.99 to 1.06 on lidar_10
// and room_5, 1.02 to 1.12 on random_100000; those of 1536 bytes would lose 0.13 to 0.19).
inline constexpr std::int64_t kFewestBytesFetched = 64, kMostBytesFetched = 1024;

// One panel of the call.
template <class A>
struct Panel {
  const typename A::Input* x;
  const typename A::Input* weights;
  typename A::Sum* y;  // at the panel's first column
  std::int64_t in, x_stride, y_stride;
  std::int64_t last_lanes;  // columns in the panel's last vector
  const std::int32_t *x_rows, *y_rows;
  bool first;
  std::int64_t ahead;            // rows of x are fetched this far ahead; 0: not at all
  const typename A::Sum* added;  // at the panel's first column, or null
  bool shuffle_ports;
  const typename A::Input* next = nullptr;  // the panel after this one, or null
  std::int64_t next_lines = 0;              // of it that are fetched beside each line of inputs
};

#include "cpu/simd/indirect_pairs-inl.h"

// The Paired arithmetics: a multiply_add takes two rows of a panel.
template <class A>
inline constexpr bool kPaired = requires {
  typename A::Weights;
};
// Inputs of a row of a panel.
template <class A>
inline constexpr int kRowInputs = kPaired<A> ? A::kInputs / 2 : A::kInputs;

// What a multiply_add needs of the panel at p, whose rows are `row` elements long.
template <class A>
HWY_INLINE auto weights_at(const typename A::Input* p, std::int64_t row) {
  if constexpr (kPaired<A>) {
    return A::weights(p, row);
  } else {
    return A::weights(p);
  }
}

template <class A>
HWY_INLINE auto whole_sums(typename A::Vec sums) {
  if constexpr (kPaired<A>) {
    return A::whole(sums);
  } else {
    return sums;
  }
}

// y = sums, or y += sums: added at the end, so that the products do not wait for y (as above, float32, 32 channels: 1.04 of
// the rate).
template <class A, bool first>
HWY_INLINE void write_sums(typename A::Vec sums, typename A::Sum* y, std::int64_t lanes) {
  const auto sum = whole_sums<A>(sums);
  if constexpr (first) {
    A::store_some(sum, y, lanes);
  } else {
    A::store_some(A::add(A::load_some(y, lanes), sum), y, lanes);
  }
}

// What is added to vector v of each row's sums.
template <class A, int rows, int vectors>
HWY_INLINE void add_row(const Panel<A>& panel, std::int64_t last_lanes,
                        typename A::Vec (&sums)[rows][vectors]) {
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) {
    const typename A::Vec row =
        A::load_some(panel.added + v * A::lanes(), v + 1 < vectors ? A::lanes() : last_lanes);
    GAVOTTE_UNROLL
    for (int r = 0; r < rows; ++r) sums[r][v] = A::add(sums[r][v], row);
  }
}

// sums += the inputs at x[r] + i, those of one multiply_add, times a row of the panel. left: how
// many there are, where not whole.
template <class A, bool whole, int rows, int vectors>
HWY_INLINE void multiply_inputs(const typename A::Input* const (&x)[rows], std::int64_t i,
                                const typename A::Input* weights, std::int64_t left,
                                typename A::Vec (&sums)[rows][vectors]) {
  constexpr int inputs = kRowInputs<A>;
  const std::int64_t row = vectors * A::lanes() * inputs;
  decltype(weights_at<A>(weights, row)) weight[vectors];
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v)
    weight[v] = weights_at<A>(weights + v * A::lanes() * inputs, row);
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    const auto input = whole ? A::input(x[r] + i) : A::last_input(x[r] + i, left);
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) sums[r][v] = A::multiply_add(input, weight[v], sums[r][v]);
  }
}

// Inputs of a row in a cache line.
template <class A>
constexpr std::int64_t kLine = 64 / sizeof(typename A::Input);

// sums += a cache line of inputs, those at x[r] + i, times the panel's weights. Meanwhile the same line of the rows `ahead`
// is fetched, a row between the products of every few inputs: they hide what a fetch costs (EPYC with AVX-512,
// 2026-11-22, float32, 32 channels: 1.06 to 1.08 of the rate; Xeon with AMX, 2026-11-23, the pairs that write y alone,
// lidar_10: 1.01 at 64 channels, 1.02 at 128).
template <class A, int rows, int vectors>
HWY_INLINE void multiply_and_fetch(const Panel<A>& panel, const std::int32_t* ahead,
                                   const typename A::Input* const (&x)[rows], std::int64_t i,
                                   const typename A::Input* weights,
                                   typename A::Vec (&sums)[rows][vectors]) {
  constexpr int steps = kLine<A> / A::kInputs;
  static_assert(rows <= steps);
  GAVOTTE_UNROLL
  for (int s = 0; s < steps; ++s) {
    if (s * rows % steps < rows)
      hwy::Prefetch(panel.x + ahead[s * rows / steps] * panel.x_stride + i);
    multiply_inputs<A, true, rows, vectors>(
        x, i + s * A::kInputs, weights + s * vectors * A::lanes() * A::kInputs, A::kInputs, sums);
  }
}

// Lines of the next panel beside one of inputs: what few pairs would take more for is left to the CPU's own look-ahead.
inline constexpr std::int64_t kMostNextLines = 8;
inline constexpr int kSecondLevel = 2;  // of cache, to __builtin_prefetch

// The pairs [j, j + rows) of the panel. first: y is written, not added to. whole: the last vector
// has all its lanes. ahead: rows of x that are fetched meanwhile, line by line; null: none. next: where in the next panel
// fetches go on.
template <class A, int rows, int vectors, bool first, bool whole, bool fetch = false>
HWY_INLINE void multiply_rows(const Panel<A>& panel, std::int64_t j,
                              const std::int32_t* ahead = nullptr,
                              const typename A::Input* next = nullptr) {
  const std::int64_t width = A::lanes();
  const std::int64_t last_lanes = whole ? width : panel.last_lanes;
  // Where products are many, what the CPU looks ahead does not reach from them to the sums (as above, float32: 1.01 to 1.05
  // of the rate at 96 and 128 channels, whose rows of x were not fetched). Beside rows of x the sums of four vectors alone (Xeon
  // with AMX, 2026-11-23, float32, lidar_10, room_10 and random_20000: 1.01 to 1.04 of the rate at 64 and 128 channels; of three
  // vectors 0.98 to 1.02).
  constexpr bool fetch_sums = !first && (fetch ? vectors > 3 && A::kInputs == 1 : vectors > 2);
  const typename A::Input* x[rows];
  typename A::Vec sums[rows][vectors];
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    x[r] = panel.x + panel.x_rows[j + r] * panel.x_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      sums[r][v] = A::zero();
      if constexpr (fetch_sums)
        hwy::Prefetch(panel.y + panel.y_rows[j + r] * panel.y_stride + v * width);
    }
  }
  if constexpr (A::kAdds) {
    if (panel.added != nullptr) add_row<A>(panel, last_lanes, sums);
  }
  const typename A::Input* weights = panel.weights;
  const std::int64_t step = vectors * width * A::kInputs;
  std::int64_t i = 0;
  if constexpr (fetch) {
    for (; i < panel.in; i += kLine<A>, weights += kLine<A> / A::kInputs * step) {
      multiply_and_fetch<A, rows, vectors>(panel, ahead, x, i, weights, sums);
      if constexpr (vectors == A::kMostVectors)
        for (std::int64_t line = 0; line < panel.next_lines; ++line, next += kLine<A>)
          __builtin_prefetch(next, 0, kSecondLevel);
    }
  }
#pragma GCC unroll 4
  for (; i + A::kInputs <= panel.in; i += A::kInputs, weights += step)
    multiply_inputs<A, true, rows, vectors>(x, i, weights, A::kInputs, sums);
  if constexpr (A::kInputs > 1) {
    if (i < panel.in) multiply_inputs<A, false, rows, vectors>(x, i, weights, panel.in - i, sums);
  }
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    typename A::Sum* y = panel.y + panel.y_rows[j + r] * panel.y_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      write_sums<A, first>(sums[r][v], y + v * width, v + 1 < vectors ? width : last_lanes);
  }
}

template <class A, int rows, int vectors>
HWY_NOINLINE void multiply_rest(const Panel<A>& panel, std::int64_t j) {
  if (panel.first) {
    multiply_rows<A, rows, vectors, true, false>(panel, j);
  } else {
    multiply_rows<A, rows, vectors, false, false>(panel, j);
  }
}

template <class A, int vectors, int... rest>
void multiply_rest_of(const Panel<A>& panel, std::int64_t j, std::int64_t count,
                      std::integer_sequence<int, rest...>) {
  using Kernel = void (*)(const Panel<A>&, std::int64_t);
  static constexpr Kernel kernels[] = {&multiply_rest<A, rest + 1, vectors>...};
  kernels[count - 1](panel, j);
}

// The rows [j, end) of x are about to be read.
template <class A>
HWY_INLINE void fetch_rows(const Panel<A>& panel, std::int64_t j, std::int64_t end) {
  if (panel.ahead == 0) return;
  for (; j < end; ++j)
    for (std::int64_t i = 0; i < panel.in; i += kLine<A>)
      hwy::Prefetch(panel.x + panel.x_rows[j] * panel.x_stride + i);
}

// fetch: rows of x are fetched between the products, which whole panels and lines are needed for.
template <class A, int vectors, bool first, bool fetch>
HWY_NOINLINE void multiply_panel(const Panel<A>& args, std::int64_t count) {
  const Panel<A> panel = args;  // a copy whose address no call takes: its members stay in registers
  constexpr int rows = A::kRows[vectors];
  const std::int64_t next_step = panel.in * panel.next_lines;
  const typename A::Input* next = panel.next;
  std::int64_t j = 0;
  for (; j + rows <= count; j += rows) {
    if constexpr (fetch) {
      multiply_rows<A, rows, vectors, first, true, true>(
          panel, j, panel.x_rows + std::min(j + panel.ahead, count - rows), next);
      next += next_step;
      continue;
    }
    fetch_rows(panel, j + panel.ahead, std::min(j + panel.ahead + rows, count));
    if (!first && panel.last_lanes == A::lanes()) {
      multiply_rows<A, rows, vectors, false, true>(panel, j);
    } else {
      multiply_rows<A, rows, vectors, first, false>(panel, j);
    }
  }
  if (j < count)
    multiply_rest_of<A, vectors>(args, j, count - j, std::make_integer_sequence<int, rows - 1>());
}

template <class A, int vectors>
void multiply_panel(const Panel<A>& panel, std::int64_t count) {
  const bool fetch = panel.ahead > 0 && panel.in % kLine<A> == 0 && panel.last_lanes == A::lanes();
  if (panel.first) {
    fetch ? multiply_panel<A, vectors, true, true>(panel, count)
          : multiply_panel<A, vectors, true, false>(panel, count);
  } else {
    fetch ? multiply_panel<A, vectors, false, true>(panel, count)
          : multiply_panel<A, vectors, false, false>(panel, count);
  }
}

#include "cpu/simd/indirect_narrow-inl.h"

template <class A, int vectors>
void multiply_columns(const Panel<A>& panel, std::int64_t count);

template <class A, int vectors>
void multiply_pairs(const Panel<A>& panel, std::int64_t rows, std::int64_t count) {
  const std::int64_t row = vectors * A::lanes() * A::kInputs;
  alignas(64) typename A::Input weights[kMostPairedRows * vectors * A::kMostLanes * A::kInputs];
  pair_rows<A>(panel.weights, rows, row, weights);
  multiply_columns<Paired<A>, vectors>(
      {panel.x, weights, panel.y, panel.in, panel.x_stride, panel.y_stride, panel.last_lanes,
       panel.x_rows, panel.y_rows, panel.first, panel.ahead, nullptr, panel.shuffle_ports},
      count);
}

// By the kernel that is the fastest for so many inputs and vectors of columns.
template <class A, int vectors>
void multiply_columns(const Panel<A>& panel, std::int64_t count) {
  if constexpr (A::kHasPairs && vectors <= most_paired_vectors(true)) {
    const std::int64_t rows = (panel.in + A::kInputs - 1) / A::kInputs;
    if (rows >= kFewestPairedRows && rows <= kMostPairedRows &&
        vectors <= most_paired_vectors(panel.shuffle_ports))
      return multiply_pairs<A, vectors>(panel, rows, count);
  }
  if constexpr (vectors == 1) {
    if (multiply_narrow(panel, count)) return;
  }
  multiply_panel<A, vectors>(panel, count);
}

// Panel after panel.
template <class A>
void multiply(const IndirectGemm& args) {
  const std::int64_t width = A::lanes(), widest = A::kMostVectors * width;
  const std::int64_t steps = (args.in + A::kInputs - 1) / A::kInputs;
  Panel<A> panel{static_cast<const typename A::Input*>(args.x),
                 static_cast<const typename A::Input*>(args.panels),
                 static_cast<typename A::Sum*>(args.y),
                 args.in,
                 args.x_stride,
                 args.y_stride,
                 width,
                 args.x_rows,
                 args.y_rows,
                 args.first,
                 0,
                 nullptr,
                 args.shuffle_ports};
  if constexpr (A::kAdds) panel.added = args.added;
  const std::int64_t row_bytes = panel.in * static_cast<std::int64_t>(sizeof(typename A::Input));
  const bool fetched =
      args.scattered || (row_bytes >= kFewestBytesFetched && row_bytes <= kMostBytesFetched);
  for (std::int64_t column = 0; column < args.out; column += widest) {
    const std::int64_t columns = std::min(widest, args.out - column);
    const std::int64_t vectors = (columns + width - 1) / width;
    panel.last_lanes = columns - (vectors - 1) * width;
    const std::int64_t products = std::max<std::int64_t>(steps * vectors, 1);
    if (fetched)
      panel.ahead = std::clamp(kProductsAhead / products, kFewestRowsAhead, kMostRowsAhead);
    const std::int64_t elements = vectors * width * steps * A::kInputs;
    if (args.next != nullptr && vectors == A::kMostVectors) {
      const bool last = column + widest >= args.out;
      panel.next =
          last ? static_cast<const typename A::Input*>(args.next) : panel.weights + elements;
      const std::int64_t inputs = args.count / A::kRows[A::kMostVectors] * args.in;
      panel.next_lines =
          inputs == 0 ? 0 : std::min((elements + inputs - 1) / inputs, kMostNextLines);
    }
    if constexpr (A::kMostVectors == 4) {
      if (vectors == 4) multiply_columns<A, 4>(panel, args.count);
      if (vectors == 3) multiply_columns<A, 3>(panel, args.count);
    }
    if (vectors == 2) multiply_columns<A, 2>(panel, args.count);
    if (vectors == 1) multiply_columns<A, 1>(panel, args.count);
    panel.weights += elements;
    panel.y += widest;
    if (panel.added != nullptr) panel.added += widest;
  }
}

template <class A>
PanelLayout layout() {
  return {A::lanes(), A::kMostVectors * A::lanes(), A::kInputs};
}
