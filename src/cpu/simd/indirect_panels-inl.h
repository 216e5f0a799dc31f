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
//   multiply_add(input, weights, sum)
//   kAdds             whether a row may be added to the sums: then add(a, b) is there
//   kHasBlocks        whether load_block(p) reads the inputs of four multiply_adds at once and
//                     lane_of<i>(block) has those of one in every lane

// Rows of x are fetched this far ahead (EPYC with AVX-512, 2026-11-21, bfloat16 on lidar_10, beside
// one group ahead: 1.11 of the rate at 16 and 32 channels, 1.06 at 64, 1.02 at 128).
inline constexpr std::int64_t kBytesAhead = 4096, kFewestRowsAhead = 6, kMostRowsAhead = 32;
// Rows in order are fetched, too, where they are of this size: short ones and those of narrow panels are in reach of the
// CPU's own look-ahead, of long ones it fetches the rest itself (the same CPU, 2026-11-22, key order on lidar_10, lidar_5
// and room_5: from 64 bytes on beside 128 on 1.04 to 1.10 of the rate for float32 16 -> 32, 1.05 to 1.13 for bfloat16 of
// 32 channels; float32 of 128 channels would lose 0.02 to 0.06).
inline constexpr std::int64_t kFewestBytesFetched = 64, kMostBytesFetched = 256;
// Pairs of narrow panels are fetched this far ahead: their products are so few that the lists come late otherwise (EPYC
// with AVX-512, 2026-11-22, 16 channels: 1.03 to 1.04 of the rate, 4 -> 16 on a large map 1.10).
inline constexpr std::int64_t kPairsAhead = 160;

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
};

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
  decltype(A::weights(weights)) weight[vectors];
  GAVOTTE_UNROLL
  for (int v = 0; v < vectors; ++v) weight[v] = A::weights(weights + v * A::lanes() * A::kInputs);
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
// 2026-11-22, float32, 32 channels: 1.06 to 1.08 of the rate).
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

// The pairs [j, j + rows) of the panel. first: y is written, not added to. whole: the last vector
// has all its lanes. ahead: rows of x that are fetched meanwhile, line by line; null: none.
template <class A, int rows, int vectors, bool first, bool whole, bool fetch = false>
HWY_INLINE void multiply_rows(const Panel<A>& panel, std::int64_t j,
                              const std::int32_t* ahead = nullptr) {
  const std::int64_t width = A::lanes();
  const std::int64_t last_lanes = whole ? width : panel.last_lanes;
  const typename A::Input* x[rows];
  typename A::Vec sums[rows][vectors];
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    x[r] = panel.x + panel.x_rows[j + r] * panel.x_stride;
    const typename A::Sum* y = panel.y + panel.y_rows[j + r] * panel.y_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      sums[r][v] =
          first ? A::zero() : A::load_some(y + v * width, v + 1 < vectors ? width : last_lanes);
  }
  if constexpr (A::kAdds) {
    if (panel.added != nullptr) add_row<A>(panel, last_lanes, sums);
  }
  const typename A::Input* weights = panel.weights;
  const std::int64_t step = vectors * width * A::kInputs;
  std::int64_t i = 0;
  if constexpr (fetch) {
    for (; i < panel.in; i += kLine<A>, weights += kLine<A> / A::kInputs * step)
      multiply_and_fetch<A, rows, vectors>(panel, ahead, x, i, weights, sums);
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
      A::store_some(sums[r][v], y + v * width, v + 1 < vectors ? width : last_lanes);
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
template <class A, int vectors, bool fetch>
HWY_NOINLINE void multiply_panel(const Panel<A>& args, std::int64_t count) {
  const Panel<A> panel = args;  // a copy whose address no call takes: its members stay in registers
  constexpr int rows = A::kRows[vectors];
  std::int64_t j = 0;
  for (; j + rows <= count; j += rows) {
    if constexpr (fetch) {
      multiply_rows<A, rows, vectors, false, true, true>(
          panel, j, panel.x_rows + std::min(j + panel.ahead, count - rows));
      continue;
    }
    fetch_rows(panel, j + panel.ahead, std::min(j + panel.ahead + rows, count));
    if (panel.first) {
      multiply_rows<A, rows, vectors, true, false>(panel, j);
    } else if (panel.last_lanes == A::lanes()) {
      multiply_rows<A, rows, vectors, false, true>(panel, j);
    } else {
      multiply_rows<A, rows, vectors, false, false>(panel, j);
    }
  }
  if (j < count)
    multiply_rest_of<A, vectors>(args, j, count - j, std::make_integer_sequence<int, rows - 1>());
}

template <class A, int vectors>
void multiply_panel(const Panel<A>& panel, std::int64_t count) {
  const bool fetch =
      panel.ahead > 0 && panel.in % kLine<A> == 0 && !panel.first && panel.last_lanes == A::lanes();
  fetch ? multiply_panel<A, vectors, true>(panel, count)
        : multiply_panel<A, vectors, false>(panel, count);
}

// The inputs of multiply_add `step` of the row x; `block`: those of four, from step / 4 * 4 on. Where there are many, half
// of them are read from memory instead: neither loads nor permutes alone keep up with the products (as above, float32, 16
// channels: 1.05 to 1.10 of the rate).
template <class A, int steps, int step, class Block>
HWY_INLINE Block narrow_input(const typename A::Input* x, Block block) {
  if constexpr (steps > 8 && step % 4 < 2) {
    return A::input(x + step * A::kInputs);
  } else {
    return A::template lane_of<step % 4>(block);
  }
}

// sums[r] += the inputs of row x[r] times the weights, which are all of the panel's.
template <class A, int steps, int rows>
HWY_INLINE void multiply_narrow_inputs(const typename A::Input* const (&x)[rows],
                                       const decltype(A::weights(nullptr)) (&weights)[steps],
                                       typename A::Vec (&sums)[rows]) {
  if constexpr (A::kHasBlocks && steps % 4 == 0) {
    const auto multiply_block = [&]<int s>(std::integral_constant<int, s>) {
      GAVOTTE_UNROLL
      for (int r = 0; r < rows; ++r) {
        const auto block = A::load_block(x[r] + s * A::kInputs);
        sums[r] = A::multiply_add(narrow_input<A, steps, s>(x[r], block), weights[s], sums[r]);
        sums[r] =
            A::multiply_add(narrow_input<A, steps, s + 1>(x[r], block), weights[s + 1], sums[r]);
        sums[r] =
            A::multiply_add(narrow_input<A, steps, s + 2>(x[r], block), weights[s + 2], sums[r]);
        sums[r] =
            A::multiply_add(narrow_input<A, steps, s + 3>(x[r], block), weights[s + 3], sums[r]);
      }
    };
    [&]<int... blocks>(std::integer_sequence<int, blocks...>) {
      (multiply_block(std::integral_constant<int, 4 * blocks>()), ...);
    }
    (std::make_integer_sequence<int, steps / 4>());
  } else {
    GAVOTTE_UNROLL
    for (int s = 0; s < steps; ++s) {
      GAVOTTE_UNROLL
      for (int r = 0; r < rows; ++r)
        sums[r] = A::multiply_add(A::input(x[r] + s * A::kInputs), weights[s], sums[r]);
    }
  }
}

// The pairs [j, j + rows) of a panel of one whole vector; rows of x and y lie side by side.
template <class A, int steps, bool first, int rows>
HWY_INLINE void multiply_narrow_rows(const Panel<A>& panel,
                                     const decltype(A::weights(nullptr)) (&weights)[steps],
                                     typename A::Vec start, std::int64_t j) {
  constexpr std::int64_t inputs = steps * A::kInputs;
  const std::int64_t width = A::lanes();
  const typename A::Input* x[rows];
  typename A::Sum* y[rows];
  typename A::Vec sums[rows];
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    x[r] = panel.x + panel.x_rows[j + r] * inputs;
    y[r] = panel.y + panel.y_rows[j + r] * width;
    sums[r] = first ? start : A::load_some(y[r], width);
    if constexpr (A::kAdds && !first) sums[r] = A::add(sums[r], start);
  }
  multiply_narrow_inputs<A>(x, weights, sums);
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) A::store_some(sums[r], y[r], width);
}

// The panel stays in registers.
template <class A, int steps, bool first>
HWY_NOINLINE void multiply_narrow(const Panel<A>& args, std::int64_t count, bool scattered) {
  // Few inputs: row after row, whose sums do not wait for each other.
  constexpr int rows = steps > 8 ? 12 : 8, together = steps > 8 ? rows : 1;
  const Panel<A> panel = args;  // its members stay in registers, too
  decltype(A::weights(nullptr)) weights[steps];
  GAVOTTE_UNROLL
  for (int s = 0; s < steps; ++s)
    weights[s] = A::weights(panel.weights + s * A::lanes() * A::kInputs);
  typename A::Vec start = A::zero();
  if constexpr (A::kAdds) {
    if (panel.added != nullptr) start = A::load_some(panel.added, A::lanes());
  }
  std::int64_t j = 0;
  for (; j + rows <= count; j += rows) {
    if (scattered) fetch_rows(panel, j + panel.ahead, std::min(j + panel.ahead + rows, count));
    const std::int64_t ahead = std::min(j + kPairsAhead, count);
    hwy::Prefetch(panel.x_rows + ahead);
    hwy::Prefetch(panel.y_rows + ahead);
    GAVOTTE_UNROLL
    for (int r = 0; r < rows; r += together)
      multiply_narrow_rows<A, steps, first, together>(panel, weights, start, j + r);
  }
  if constexpr (together > 4) {
    for (; j + 4 <= count; j += 4)
      multiply_narrow_rows<A, steps, first, 4>(panel, weights, start, j);
  }
  for (; j < count; ++j) multiply_narrow_rows<A, steps, first, 1>(panel, weights, start, j);
}

// Whether the kernel above has taken the call.
template <class A>
bool multiply_narrow(const Panel<A>& panel, std::int64_t count, bool scattered) {
  if constexpr (A::kMostVectors < 4) {
    return false;  // too few registers
  } else {
    if (panel.x_stride != panel.in || panel.y_stride != A::lanes()) return false;
    const auto take = [&]<int inputs>(std::integral_constant<int, inputs>) {
      if (panel.in != inputs) return false;
      constexpr int steps = inputs / A::kInputs;
      panel.first ? multiply_narrow<A, steps, true>(panel, count, scattered)
                  : multiply_narrow<A, steps, false>(panel, count, scattered);
      return true;
    };
    return take(std::integral_constant<int, 4>()) || take(std::integral_constant<int, 8>()) ||
           take(std::integral_constant<int, 16>());
  }
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
                 nullptr};
  if constexpr (A::kAdds) panel.added = args.added;
  const std::int64_t row_bytes = panel.in * static_cast<std::int64_t>(sizeof(typename A::Input));
  if ((args.scattered && row_bytes > 0) ||
      (row_bytes >= kFewestBytesFetched && row_bytes <= kMostBytesFetched))
    panel.ahead = std::clamp(kBytesAhead / row_bytes, kFewestRowsAhead, kMostRowsAhead);
  for (std::int64_t column = 0; column < args.out; column += widest) {
    const std::int64_t columns = std::min(widest, args.out - column);
    const std::int64_t vectors = (columns + width - 1) / width;
    panel.last_lanes = columns - (vectors - 1) * width;
    if constexpr (A::kMostVectors == 4) {
      if (vectors == 4) multiply_panel<A, 4>(panel, args.count);
      if (vectors == 3) multiply_panel<A, 3>(panel, args.count);
    }
    if (vectors == 2) multiply_panel<A, 2>(panel, args.count);
    if (vectors == 1 && !multiply_narrow(panel, args.count, args.scattered))
      multiply_panel<A, 1>(panel, args.count);
    panel.weights += vectors * width * steps * A::kInputs;
    panel.y += widest;
    if (panel.added != nullptr) panel.added += widest;
  }
}

template <class A>
PanelLayout layout() {
  return {A::lanes(), A::kMostVectors * A::lanes(), A::kInputs};
}
