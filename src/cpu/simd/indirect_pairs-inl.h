// An `Arithmetic` (indirect_panels-inl.h) made of another whose multiply_adds it takes by two: two inputs beside each
// other are read as one and repeated over a vector, so that a load serves two products where it served one; with one or two
// vectors of columns loads are what a row's products wait for (EPYC with AVX-512, 2026-11-22, key order: float32 1.12 to
// 1.16 of the rate at 16 channels, bfloat16 1.10 to 1.14 at 16 and 1.04 to 1.05 at 32). Included as the former.
//
// `A` offers for it, beside what every Arithmetic does:
//   input_pair(p), last_input_pair(p, n)  as input, of 2 kInputs inputs: the first and the second in turn in the lanes
//   even_lanes(a, b), odd_lanes(a, b)  a0 b0 a2 b2 ... and a1 b1 a3 b3 ..., of sums and of weights
//   kMostLanes, no_weights(), store_weights(v, p)

// Lanes of `even` belong to even columns: the first inputs' products, then the second's; those of `odd` to odd ones.
template <class A>
struct Paired {
  using Input = typename A::Input;
  using Sum = typename A::Sum;
  struct Vec {
    typename A::Vec even, odd;
  };
  struct Weights {
    decltype(A::weights(nullptr)) even, odd;
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
    return {A::multiply_add(input, weights.even, sum.even),
            A::multiply_add(input, weights.odd, sum.odd)};
  }
  // Of each column the products of the first inputs plus those of the second.
  static HWY_INLINE auto whole(Vec sum) {
    return A::add(A::even_lanes(sum.even, sum.odd), A::odd_lanes(sum.even, sum.odd));
  }
};

// Of panels with so many rows and vectors: fewer rows are soon multiplied, more would be much to prepare in each call.
inline constexpr std::int64_t kFewestPairedRows = 8, kMostPairedRows = 64;
inline constexpr int kMostPairedVectors = 2;

// The rows of a panel by two: weights of even columns in the place of the first, of odd ones in that of the second.
template <class A>
void pair_rows(const typename A::Input* from, std::int64_t rows, std::int64_t row,
               typename A::Input* to) {
  const std::int64_t vector = A::lanes() * A::kInputs;
  for (std::int64_t r = 0; r < rows; r += 2, from += 2 * row, to += 2 * row) {
    for (std::int64_t i = 0; i < row; i += vector) {
      const auto first = A::weights(from + i);
      const auto second = r + 1 < rows ? A::weights(from + row + i) : A::no_weights();
      A::store_weights(A::even_lanes(first, second), to + i);
      A::store_weights(A::odd_lanes(first, second), to + row + i);
    }
  }
}
