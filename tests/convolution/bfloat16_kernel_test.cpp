// Products of bfloat16 rows where the CPU has them, against a plain loop in double. A product of
// two bfloat16 is exact in float32, so only sums are rounded: that is the bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/native_kernels.h"
#include "half.h"

namespace gavotte::internal::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::vector<BFloat16> stored(const std::vector<float>& values) {
  std::vector<BFloat16> all;
  for (const float value : values) all.emplace_back(value);
  return all;
}

std::vector<float> random_values(std::mt19937& random, std::int64_t count) {
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> values(at(count));
  for (float& each : values) each = value(random);
  return values;
}

std::vector<std::int32_t> shuffled_rows(std::mt19937& random, std::int64_t count) {
  std::vector<std::int32_t> rows(at(count));
  std::iota(rows.begin(), rows.end(), 0);
  std::shuffle(rows.begin(), rows.end(), random);
  return rows;
}

// x [rows, in] and weights [in, out], or [out, in] where transposed, dense; y [rows, out].
struct Product {
  std::int64_t in, out, rows;
  std::vector<BFloat16> x, weights;
  std::vector<float> y;
  std::vector<std::int32_t> x_rows, y_rows;
  bool transposed = false, first = false, shuffle_ports = has_shuffle_ports();

  float x_of(std::int64_t j, std::int64_t i) const {
    return static_cast<float>(x[at(x_rows[at(j)] * in + i)]);
  }
  float weight_of(std::int64_t i, std::int64_t o) const {
    return static_cast<float>(weights[at(transposed ? o * in + i : i * out + o)]);
  }

  std::vector<float> run() const {
    const std::int64_t size = panel_elements(panel_layout(DType::bfloat16, in, out), in, out);
    std::vector<BFloat16> memory(at(size + 32), BFloat16(kNan));
    void* panels = memory.data();
    std::size_t space = memory.size() * sizeof(BFloat16);
    std::align(64, at(size) * sizeof(BFloat16), panels, space);
    pack_panels(
        panel_layout(DType::bfloat16, in, out),
        {DType::bfloat16, weights.data(), in, out, transposed ? 1 : out, transposed ? in : 1},
        panels);
    std::vector<float> result = y;
    indirect_gemm({.dtype = DType::bfloat16,
                   .x = x.data(),
                   .x_stride = in,
                   .panels = panels,
                   .in = in,
                   .out = out,
                   .y = result.data(),
                   .y_stride = out,
                   .x_rows = x_rows.data(),
                   .y_rows = y_rows.data(),
                   .count = static_cast<std::int64_t>(x_rows.size()),
                   .first = first,
                   .shuffle_ports = shuffle_ports});
    return result;
  }
};

Product random_product(std::int64_t in, std::int64_t out, std::int64_t rows, unsigned seed) {
  std::mt19937 random(seed);
  Product product{in,
                  out,
                  rows,
                  stored(random_values(random, rows * in)),
                  stored(random_values(random, in * out)),
                  random_values(random, rows * out),
                  {},
                  {}};
  product.x_rows = shuffled_rows(random, rows);
  product.y_rows = shuffled_rows(random, rows);
  return product;
}

// A chain of n rounded additions of exact products is off by at most n u / (1 - n u) of the sum of
// all magnitudes, u being half of float32's epsilon; each may be flushed to zero below the least
// normal number.
void expect_definition(const Product& product) {
  SCOPED_TRACE(testing::Message() << product.in << " -> " << product.out << ", " << product.rows
                                  << " rows" << (product.first ? ", first" : "")
                                  << (product.transposed ? ", transposed" : "")
                                  << (product.shuffle_ports ? ", shuffle ports" : ""));
  const std::vector<float> y = product.run();
  const double additions = static_cast<double>(product.in) * 0x1p-24;
  const double relative = additions / (1 - additions);
  const double flushed = static_cast<double>(product.in) * 0x1p-126;
  for (std::int64_t j = 0; j < product.rows; ++j) {
    for (std::int64_t o = 0; o < product.out; ++o) {
      const std::size_t place = at(product.y_rows[at(j)] * product.out + o);
      double sum = product.first ? 0 : static_cast<double>(product.y[place]);
      double magnitude = std::abs(sum);
      for (std::int64_t i = 0; i < product.in; ++i) {
        const double term =
            static_cast<double>(product.x_of(j, i)) * static_cast<double>(product.weight_of(i, o));
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(static_cast<double>(y[place]), sum, relative * magnitude + flushed)
          << "row " << j << " column " << o;
    }
  }
}

class BFloat16Products : public testing::Test {
 protected:
  void SetUp() override {
    if (bfloat16_kernels() == nullptr) GTEST_SKIP() << "this CPU does not multiply bfloat16";
  }
};

// The last row of x ends with its memory: AddressSanitizer sees a read behind it.
TEST_F(BFloat16Products, EqualTheDefinition) {
  for (const std::int64_t in : {0, 1, 3, 4, 5, 8, 16, 17, 18, 19, 32, 64, 100, 127, 128, 256}) {
    for (const std::int64_t out : {1, 5, 16, 31, 48, 64, 100}) {
      for (const std::int64_t rows : {1, 6, 13, 25}) {
        Product product = random_product(in, out, rows, 1);
        for (int form = 0; form < 8; ++form) {
          product.first = (form & 1) != 0;
          product.transposed = (form & 2) != 0;
          product.shuffle_ports = (form & 4) != 0;
          expect_definition(product);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_F(BFloat16Products, NoPairsWriteNothing) {
  Product product = random_product(8, 16, 3, 2);
  product.x_rows.clear();
  product.y_rows.clear();
  EXPECT_EQ(product.run(), product.y);
}

// Bits behind a row whose channels do not fill the last multiply-add are those of the next row.
TEST_F(BFloat16Products, ARowDoesNotReadTheNext) {
  for (const std::int64_t in : {1, 3, 17, 18, 19}) {
    Product product = random_product(in, 20, 15, 3);
    for (std::int64_t i = 0; i < in; ++i) product.x[at(7 * in + i)] = BFloat16(kNan);
    const std::vector<float> y = product.run();
    for (std::int64_t j = 0; j < 15; ++j)
      for (std::int64_t o = 0; o < 20; ++o)
        ASSERT_EQ(std::isnan(y[at(product.y_rows[at(j)] * 20 + o)]), product.x_rows[at(j)] == 7);
  }
}

TEST_F(BFloat16Products, SpecialValuesFollowTheirArithmetic) {
  const auto product_of = [](const std::vector<float>& x, const std::vector<float>& weights) {
    return Product{
        static_cast<std::int64_t>(x.size()), 1, 1, stored(x), stored(weights), {0}, {0}, {0}}
        .run()[0];
  };
  EXPECT_EQ(product_of({kInfinity, 1, 1}, {2, 1, 1}), kInfinity);
  EXPECT_EQ(product_of({kInfinity, 1, 1}, {-2, 1, 1}), -kInfinity);
  EXPECT_EQ(product_of({1, 1, kInfinity}, {1, 1, 3}), kInfinity);
  EXPECT_TRUE(std::isnan(product_of({kInfinity, 1}, {0, 1})));
  EXPECT_TRUE(std::isnan(product_of({kInfinity, 1, -kInfinity}, {1, 1, 1})));
  EXPECT_TRUE(std::isnan(product_of({kNan}, {0})));
  EXPECT_TRUE(std::isnan(product_of({1, 1}, {1, kNan})));
  EXPECT_EQ(product_of({0x1p127F, 0, 0x1p127F}, {2, 0, 2}), kInfinity);
  // Subnormal numbers are zeros, read and written.
  EXPECT_EQ(product_of({0x1p-130F}, {0x1p20F}), 0.0F);
  EXPECT_EQ(product_of({0x1p-70F}, {0x1p-70F}), 0.0F);
}

}  // namespace
}  // namespace gavotte::internal::cpu
