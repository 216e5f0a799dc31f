// An `Arithmetic` (indirect_panels-inl.h) made of another whose multiply_adds it takes by two: two inputs beside each
// other are read as one and repeated over a vector, so that a load serves two products where it served one; with one or two
// vectors of columns loads are what a row's products wait for (EPYC with AVX-512, 2026-11-22, key order: float32 1.12 to
// 1.16 of the rate at 16 channels, bfloat16 1.10 to 1.14 at 16 and 1.04 to 1.05 at 32). Included as the former.
//
// `A` offers for it, beside what every Arithmetic does:
//   input_pair(p), last_input_pair(p, n)  as input, of 2 kInputs inputs: the first and the second in turn in the lanes
//   odd_even(a, b)      b0 a1 b2 a3 ..., of weights
//   swap_neighbours(v)  v1 v0 v3 v2 ..., of sums and of weights
//   kMostLanes, no_weights(), store_weights(v, p)

// A lane of `own` has products of its own column, one of `swapped` those of its neighbour's: of the first inputs where the
// lane is even, of the second where it is odd.
template <class A>
struct Paired {
  using Input = typename A::Input;
  using Sum = typename A::Sum;
  struct Vec {
    typename A::Vec own, swapped;
  };
  struct Weights {
    decltype(A::weights(nullptr)) own, swapped;
  };
  static constexpr bool kAdds = false, kHasBlocks = false, kHasPairs = false;
  static constexpr int kInputs = 2 * A::kInputs;
  static constexpr int kMostVectors = A::kMostVectors;
  static constexpr std::array<int, 3> kRows = {0, 8, 4};
  static HWY_INLINE std::int64_t lanes() { return A::lanes(); }
  static HWY_INLINE Vec zero() { return {A::zero(), A::zero()}; }
  static HWY_INLINE auto add(typename A::Vec a, typename A::Vec b) { return A::add(a, b); }
  static HWY_INLINE auto load_some(const Sum* p, std::int64_t count) {
    return A::load_some(p, count);
  }
  static HWY_INLINE void store_some(typename A::Vec value, Sum* p, std::int64_t count) {
    A::store_some(value, p, count);
  }
  static HWY_INLINE auto input(const Input* p) { return A::input_pair(p); }
  static HWY_INLINE auto last_input(const Input* p, std::int64_t count) {
    return A::last_input_pair(p, count);
  }
  // Of a panel as pair_rows writes it; its rows are `row` elements long.
  static HWY_INLINE Weights weights(const Input* p, std::int64_t row) {
    return {A::weights(p), A::weights(p + row)};
  }
  template <class In>
  static HWY_INLINE Vec multiply_add(In input, Weights weights, Vec sum) {
    return {A::multiply_add(input, weights.own, sum.own),
            A::multiply_add(input, weights.swapped, sum.swapped)};
  }
  // Of each column the products of the first inputs plus those of the second.
  static HWY_INLINE auto whole(Vec sum) { return A::add(sum.own, A::swap_neighbours(sum.swapped)); }
};

// Of panels with so many rows and vectors: fewer rows are soon multiplied, more would be much to prepare in each call.
inline constexpr std::int64_t kFewestPairedRows = 8, kMostPairedRows = 64;
// Two vectors need an input's load half as often: pairs do not pay for their permutes where those take multipliers' ports
// (Xeon with AMX, 2026-11-23, float32, lidar_10 and lidar_80: 0.91 of the rate for 16 -> 32, 0.94 to 0.97 at 32 channels).
constexpr int most_paired_vectors(bool shuffle_ports) { return shuffle_ports ? 2 : 1; }

// The rows of a panel by two: the weights of `own` in the place of the first, of `swapped` in that of the second.
template <class A>
void pair_rows(const typename A::Input* from, std::int64_t rows, std::int64_t row,
               typename A::Input* to) {
  const std::int64_t vector = A::lanes() * A::kInputs;
  for (std::int64_t r = 0; r < rows; r += 2, from += 2 * row, to += 2 * row) {
    for (std::int64_t i = 0; i < row; i += vector) {
      const auto first = A::weights(from + i);
      const auto second = r + 1 < rows ? A::weights(from + row + i) : A::no_weights();
      A::store_weights(A::odd_even(second, first), to + i);
      A::store_weights(A::swap_neighbours(A::odd_even(first, second)), to + row + i);
    }
  }
}
