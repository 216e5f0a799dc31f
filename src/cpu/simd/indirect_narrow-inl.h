// The kernel of panels of one vector and few inputs, which stay in registers. Part of indirect_panels-inl.h.

// sums[r] += the inputs of row x[r] times the weights, which are all of the panel's. blocks: four inputs by one load.
template <class A, bool blocks, class Weights, int steps, int rows>
HWY_INLINE void multiply_narrow_inputs(const typename A::Input* const (&x)[rows],
                                       const Weights (&weights)[steps],
                                       typename A::Vec (&sums)[rows]) {
  if constexpr (blocks) {
    const auto multiply_block = [&]<int s>(std::integral_constant<int, s>) {
      GAVOTTE_UNROLL
      for (int r = 0; r < rows; ++r) {
        const auto block = A::load_block(x[r] + s * A::kInputs);
        sums[r] = A::multiply_add(A::template lane_of<0>(block), weights[s], sums[r]);
        sums[r] = A::multiply_add(A::template lane_of<1>(block), weights[s + 1], sums[r]);
        sums[r] = A::multiply_add(A::template lane_of<2>(block), weights[s + 2], sums[r]);
        sums[r] = A::multiply_add(A::template lane_of<3>(block), weights[s + 3], sums[r]);
      }
    };
    [&]<int... b>(std::integer_sequence<int, b...>) {
      (multiply_block(std::integral_constant<int, 4 * b>()), ...);
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
template <class A, bool first, bool blocks, int rows, class Weights, int steps>
HWY_INLINE void multiply_narrow_rows(const Panel<A>& panel, const Weights (&weights)[steps],
                                     typename A::Vec start, std::int64_t j) {
  constexpr std::int64_t inputs = steps * A::kInputs;
  const std::int64_t width = A::lanes();
  const auto y = [&](int r) { return panel.y + panel.y_rows[j + r] * width; };
  const typename A::Input* x[rows];
  typename A::Vec sums[rows];
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    x[r] = panel.x + panel.x_rows[j + r] * inputs;
    sums[r] = start;
    if constexpr (!kPaired<A> && !first) {
      sums[r] = A::load_some(y(r), width);
      if constexpr (A::kAdds) sums[r] = A::add(sums[r], start);
    }
  }
  multiply_narrow_inputs<A, blocks>(x, weights, sums);
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) write_sums<A, first || !kPaired<A>>(sums[r], y(r), width);
}

// The panel stays in registers.
template <class A, int steps, bool first, bool blocks>
HWY_NOINLINE void multiply_narrow(const Panel<A>& args, std::int64_t count) {
  // Few inputs: row after row, whose sums do not wait for each other.
  constexpr int rows = kPaired<A> ? 6 : 8, together = kPaired<A> || steps > 4 ? rows : 1;
  const Panel<A> panel = args;  // its members stay in registers, too
  const std::int64_t row = A::lanes() * kRowInputs<A>;
  decltype(weights_at<A>(panel.weights, row)) weights[steps];
  GAVOTTE_UNROLL
  for (int s = 0; s < steps; ++s)
    weights[s] = weights_at<A>(panel.weights + s * A::lanes() * A::kInputs, row);
  typename A::Vec start = A::zero();
  if constexpr (A::kAdds) {
    if (panel.added != nullptr) start = A::load_some(panel.added, A::lanes());
  }
  std::int64_t j = 0;
  for (; j + rows <= count; j += rows) {
    // As many rows each time, without a test for each (Xeon with AMX, 2026-11-23, lidar_10: 1.05 of the rate at 16 channels).
    if (panel.ahead > 0) {
      const std::int32_t* ahead = panel.x_rows + std::min(j + panel.ahead, count - rows);
      GAVOTTE_UNROLL
      for (int r = 0; r < rows; ++r)
        hwy::Prefetch(panel.x + ahead[r] * std::int64_t{steps * A::kInputs});
    }
    GAVOTTE_UNROLL
    for (int r = 0; r < rows; r += together)
      multiply_narrow_rows<A, first, blocks, together>(panel, weights, start, j + r);
  }
  for (; j < count; ++j) multiply_narrow_rows<A, first, blocks, 1>(panel, weights, start, j);
}

// Whether the kernel above has taken the call.
template <class A>
bool multiply_narrow(const Panel<A>& panel, std::int64_t count) {
  constexpr int most_steps = A::kMostVectors < 4 ? 0  // too few registers
                             : kPaired<A>        ? 8
                             : A::kHasPairs      ? 4
                                                 : 16;
  if (panel.x_stride != panel.in || panel.y_stride != A::lanes()) return false;
  const auto take = [&]<int inputs>(std::integral_constant<int, inputs>) {
    constexpr int steps = inputs / A::kInputs;
    if constexpr (steps >= 1 && steps <= most_steps) {
      if (panel.in != inputs) return false;
      const auto multiply_by = [&]<bool blocks>(std::bool_constant<blocks>) {
        panel.first ? multiply_narrow<A, steps, true, blocks>(panel, count)
                    : multiply_narrow<A, steps, false, blocks>(panel, count);
      };
      if constexpr (A::kHasBlocks && steps % 4 == 0) {
        if (panel.shuffle_ports) {
          multiply_by(std::true_type());
          return true;
        }
      }
      multiply_by(std::false_type());
      return true;
    } else {
      return false;
    }
  };
  return take(std::integral_constant<int, 4>()) || take(std::integral_constant<int, 8>()) ||
         take(std::integral_constant<int, 16>()) || take(std::integral_constant<int, 32>());
}
