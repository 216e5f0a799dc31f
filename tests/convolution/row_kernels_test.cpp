// The row kernels on every vector target that this CPU runs: all 16-bit patterns, tails of every
// length.
#include "cpu/simd/row_kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

using test::for_each_target;

// The value of 16 bits by arithmetic: sign, exponent and fraction as the formats define them.
double value_of(std::uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1),
            bias = (1 << (exponent_bits - 1)) - 1;
  const double fraction = std::ldexp(bits & ((1 << fraction_bits) - 1), -fraction_bits);
  const double sign = bits >> 15 != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(fraction, 1 - bias)
                               : std::ldexp(1 + fraction, exponent - bias));
}

struct Format {
  DType dtype;
  int exponent_bits;
};
const Format kFormats[] = {{DType::float16, 5}, {DType::bfloat16, 8}};

std::vector<std::uint16_t> stored(DType dtype, const std::vector<float>& values) {
  std::vector<std::uint16_t> bits(values.size());
  const auto count = static_cast<std::int64_t>(values.size());
  finish_rows({dtype, values.data(), nullptr, nullptr, 1, count, 0, count, {}, bits.data()});
  return bits;
}

TEST(RowKernels, EveryPatternOf16BitsLoadsExactlyAndStoresBack) {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  for (const Format format : kFormats) {
    for_each_target([&] {
      std::vector<float> values(bits.size());
      gather_rows({format.dtype, bits.data(), nullptr, 1, 65536, 0, 65536, values.data()});
      const auto back = stored(format.dtype, values);
      for (std::size_t i = 0; i < bits.size(); ++i) {
        const double expected = value_of(bits[i], format.exponent_bits);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(values[i])) << i;
          ASSERT_TRUE(std::isnan(value_of(back[i], format.exponent_bits))) << i;
        } else {
          ASSERT_EQ(static_cast<double>(values[i]), expected) << i;
          ASSERT_EQ(back[i] & 0x7fff, bits[i] & 0x7fff) << i;
        }
      }
    });
  }
}

TEST(RowKernels, StoresRoundToNearestEven) {
  for (const Format format : kFormats) {
    // Between each two neighbours: just under the middle, the middle, just above it. Finite,
    // positive.
    const int infinity = ((1 << format.exponent_bits) - 1) << (15 - format.exponent_bits);
    std::vector<float> values;
    std::vector<std::uint16_t> expected;
    for (int low = 0; low + 1 < infinity; ++low) {
      const double a = value_of(static_cast<std::uint16_t>(low), format.exponent_bits);
      const double b = value_of(static_cast<std::uint16_t>(low + 1), format.exponent_bits);
      const auto middle = static_cast<float>((a + b) / 2);
      if (static_cast<double>(middle) != (a + b) / 2)
        continue;  // a bfloat16 subnormal's half is no float
      const auto low16 = static_cast<std::uint16_t>(low),
                 high16 = static_cast<std::uint16_t>(low + 1);
      values.insert(values.end(), {std::nextafter(middle, 0.0F), middle,
                                   std::nextafter(middle, std::numeric_limits<float>::infinity())});
      expected.insert(expected.end(), {low16, low % 2 == 0 ? low16 : high16, high16});
    }
    ASSERT_GT(values.size(), 60000U);
    for_each_target([&] { EXPECT_EQ(stored(format.dtype, values), expected); });
  }
  for_each_target([&] {
    EXPECT_EQ(stored(DType::float16, {65519.0F, 65520.0F, -1e30F}),
              (std::vector<std::uint16_t>{0x7bff, 0x7c00, 0xfc00}));
  });
}

TEST(RowKernels, GatherTakesTheNamedRowsAndChannels) {
  for_each_target([] {
    for (const std::int64_t channels : {1, 3, 4, 7, 16, 37}) {
      std::vector<double> from(static_cast<std::size_t>(5 * channels));
      for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<double>(i);
      const std::int32_t rows[] = {4, 0, 4};
      std::vector<double> to(static_cast<std::size_t>(3 * channels), -1);
      gather_rows({DType::float64, from.data(), rows, 3, channels, channels / 2,
                   channels - channels / 2, to.data()});
      for (std::int64_t j = 0; j < 3; ++j)
        for (std::int64_t c = 0; c < channels; ++c)
          EXPECT_EQ(to[static_cast<std::size_t>(j * channels + c)],
                    c < channels / 2 ? -1 : static_cast<double>(rows[j] * channels + c));
    }
  });
}

TEST(RowKernels, FinishAddsEntriesInOrderAndAppliesTheEpilogue) {
  for_each_target([] {
    for (const std::int64_t channels : {1, 5, 16, 64, 77}) {
      const auto at = [&](std::int64_t row, std::int64_t c) {
        return static_cast<std::size_t>(row * channels + c);
      };
      std::vector<float> partial(at(4, 0)), scale(at(1, 0)), shift(at(1, 0)), residual(at(2, 0)),
          y(at(2, 0));
      for (std::size_t i = 0; i < partial.size(); ++i) partial[i] = std::sin(static_cast<float>(i));
      for (std::size_t i = 0; i < scale.size(); ++i) scale[i] = 1.5F - static_cast<float>(i % 3);
      for (std::size_t i = 0; i < shift.size(); ++i) shift[i] = 0.25F * static_cast<float>(i % 5);
      for (std::size_t i = 0; i < residual.size(); ++i)
        residual[i] = std::cos(static_cast<float>(i));
      const std::uint32_t begin[] = {0, 3, 3}, entries[] = {2, 0, 3};
      for (const Activation activation :
           {Activation::none, Activation::relu, Activation::leaky_relu, Activation::sigmoid}) {
        finish_rows({DType::float32, partial.data(), begin, entries, 2, channels, 0, channels,
                     RowEpilogue{scale.data(), shift.data(), residual.data(), activation, 0.125},
                     y.data()});
        for (std::int64_t row = 0; row < 2; ++row) {
          for (std::int64_t c = 0; c < channels; ++c) {
            const float sum =
                row == 0 ? (partial[at(2, c)] + partial[at(0, c)]) + partial[at(3, c)] : 0.0F;
            float expected = sum * scale[at(0, c)] + shift[at(0, c)];
            expected += residual[at(row, c)];
            if (activation == Activation::relu) expected = std::max(expected, 0.0F);
            if (activation == Activation::leaky_relu && expected < 0) expected *= 0.125F;
            if (activation == Activation::sigmoid) expected = 1.0F / (1.0F + std::exp(-expected));
            EXPECT_EQ(y[at(row, c)], expected) << channels << " channels at " << row << ", " << c;
          }
        }
      }
    }
  });
}

TEST(RowKernels, ActivationsPassNanOn) {
  const float values[] = {std::numeric_limits<float>::quiet_NaN(), -1.0F, 1.0F};
  for (const Activation activation :
       {Activation::relu, Activation::leaky_relu, Activation::sigmoid}) {
    float y[3];
    apply_epilogue(DType::float32, values, 0, 3, 1, {nullptr, nullptr, nullptr, activation, 0.1},
                   y);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_FALSE(std::isnan(y[1]));
  }
}

TEST(RowKernels, ApplyEpilogueIsTheSameForWideAndNarrowRows) {
  // bfloat16 rows wider than the inner buffer; all values are exact in bfloat16.
  constexpr std::int64_t kChannels = 2500;
  std::vector<std::uint16_t> x, residual;
  std::vector<float> scale, shift;
  for (std::int64_t i = 0; i < 3 * kChannels; ++i) {
    x.push_back(static_cast<std::uint16_t>(
        std::bit_cast<std::uint32_t>(static_cast<float>(i % 9 - 4)) >> 16));
    residual.push_back(
        static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(i % 7)) >> 16));
  }
  for (std::int64_t c = 0; c < kChannels; ++c) {
    scale.push_back(static_cast<float>(c % 3));
    shift.push_back(static_cast<float>(c % 5));
  }
  std::vector<std::uint16_t> y(x.size(), 0xffff);
  apply_epilogue(DType::bfloat16, x.data(), 1, 2, kChannels,
                 {scale.data(), shift.data(), residual.data(), Activation::relu, 0}, y.data());
  for (std::int64_t i = 0; i < 3 * kChannels; ++i) {
    const auto value = static_cast<double>(i % 9 - 4) * static_cast<double>(i % kChannels % 3) +
                       static_cast<double>(i % kChannels % 5) + static_cast<double>(i % 7);
    if (i < kChannels) {
      EXPECT_EQ(y[static_cast<std::size_t>(i)], 0xffff);
    } else {
      EXPECT_EQ(value_of(y[static_cast<std::size_t>(i)], 8), std::max(value, 0.0)) << i;
    }
  }
}

}  // namespace
}  // namespace gavotte::internal::cpu
