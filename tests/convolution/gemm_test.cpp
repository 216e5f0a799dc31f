// Matrix products against three loops in double. Tolerance: k + 1 roundings of half an epsilon
// each, relative to the sum of absolute products.
#include "cpu/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace gavotte::internal::cpu {
namespace {

template <class T>
std::vector<T> random_values(std::mt19937& random, std::int64_t count) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(uniform(random));
  return values;
}

template <class T, class Gemm>
void expect_product(Gemm&& multiply, std::int64_t m, std::int64_t n, std::int64_t k,
                    bool transposed, bool accumulate) {
  std::mt19937 random(static_cast<unsigned>(m * 10007 + n * 101 + k));
  const std::int64_t lda = (transposed ? m : k) + 3, ldb = n + 2, ldc = n + 5;
  const auto a = random_values<T>(random, (transposed ? k : m) * lda);
  const auto b = random_values<T>(random, k * ldb);
  auto c = random_values<T>(random, m * ldc);
  const auto before = c;
  // Without accumulation what was there must not matter.
  if (!accumulate)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        c[static_cast<std::size_t>(i * ldc + j)] = std::numeric_limits<T>::quiet_NaN();
  multiply(m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc, accumulate);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < ldc; ++j) {
      const auto at = static_cast<std::size_t>(i * ldc + j);
      if (j >= n) {
        ASSERT_EQ(c[at], before[at]) << "wrote between the rows";
        continue;
      }
      double expected = accumulate ? static_cast<double>(before[at]) : 0,
             magnitude = std::abs(expected);
      for (std::int64_t p = 0; p < k; ++p) {
        const double left = a[static_cast<std::size_t>(transposed ? p * lda + i : i * lda + p)];
        const double term = left * static_cast<double>(b[static_cast<std::size_t>(p * ldb + j)]);
        expected += term;
        magnitude += std::abs(term);
      }
      const double tolerance =
          static_cast<double>(k + 1) * std::numeric_limits<T>::epsilon() * magnitude;
      ASSERT_NEAR(c[at], expected, tolerance)
          << m << "x" << n << "x" << k << " at " << i << ", " << j;
    }
  }
}

template <class T>
class Gemm : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Types);

TYPED_TEST(Gemm, EqualsThreeLoops) {
  for (const std::int64_t m : {1, 7, 8, 63, 64, 65, 130, 200})
    for (const std::int64_t n : {1, 3, 16, 33})
      for (const std::int64_t k : {0, 1, 4, 19, 64})
        for (const bool accumulate : {false, true}) {
          expect_product<TypeParam>(gemm<TypeParam>, m, n, k, false, accumulate);
          expect_product<TypeParam>(gemm_portable<TypeParam>, m, n, k, false, accumulate);
        }
}

TYPED_TEST(Gemm, TransposedEqualsThreeLoops) {
  for (const std::int64_t m : {1, 5, 16, 65, 75})
    for (const std::int64_t n : {1, 3, 16, 33})
      for (const std::int64_t k : {0, 1, 7, 8, 63, 64, 65, 200})
        for (const bool accumulate : {false, true}) {
          expect_product<TypeParam>(gemm_transposed<TypeParam>, m, n, k, true, accumulate);
          expect_product<TypeParam>(gemm_transposed_portable<TypeParam>, m, n, k, true, accumulate);
        }
}

TYPED_TEST(Gemm, NoRowsOrColumnsTouchNothing) {
  TypeParam value = 5;
  gemm<TypeParam>(0, 1, 3, nullptr, 3, nullptr, 1, &value, 1, false);
  gemm<TypeParam>(1, 0, 3, nullptr, 3, nullptr, 1, &value, 1, false);
  gemm_transposed<TypeParam>(0, 1, 3, nullptr, 3, nullptr, 1, &value, 1, false);
  EXPECT_EQ(value, TypeParam{5});
}

}  // namespace
}  // namespace gavotte::internal::cpu
