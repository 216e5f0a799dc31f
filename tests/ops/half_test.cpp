// The 16-bit formats against an oracle that knows only their definition: every bit pattern one way,
// and the other way every midpoint between neighbours, where rounding is decided.
#include "half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>

namespace gavotte::internal {
namespace {

// The value of a pattern by the definition of a binary format, in double, where each is exact.
struct Format {
  int exponent_bits;
  int fraction_bits;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  double value(std::uint32_t pattern) const {
    const auto fraction = static_cast<int>(pattern & ((1u << fraction_bits) - 1u));
    const auto exponent = static_cast<int>(pattern >> fraction_bits & ((1u << exponent_bits) - 1u));
    const double sign = (pattern >> 15 & 1u) != 0 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1)
      return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                           : sign * std::numeric_limits<double>::infinity();
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias() - fraction_bits);
    return sign * std::ldexp((1 << fraction_bits) + fraction, exponent - bias() - fraction_bits);
  }
  std::uint32_t infinity() const { return ((1u << exponent_bits) - 1u) << fraction_bits; }
  // The value that follows the largest finite one were the exponent not reserved: rounding treats
  // infinity so.
  double next_above_largest() const { return std::ldexp(1.0, bias() + 1); }
};

template <class T>
constexpr Format kFormat = std::is_same_v<T, Float16> ? Format{5, 10} : Format{8, 7};

template <class T>
class Half : public testing::Test {};
using Formats = testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(Half, Formats);

TYPED_TEST(Half, EveryPatternHasTheValueOfItsDefinition) {
  for (std::uint32_t pattern = 0; pattern < 65536; ++pattern) {
    const auto half = TypeParam::from_bits(static_cast<std::uint16_t>(pattern));
    const double expected = kFormat<TypeParam>.value(pattern);
    const auto given = static_cast<float>(half);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(given)) << pattern;
    } else {
      ASSERT_EQ(static_cast<double>(given), expected) << pattern;
      ASSERT_EQ(std::signbit(given), std::signbit(expected)) << pattern;
    }
    ASSERT_EQ(std::isnan(static_cast<double>(half)), std::isnan(expected));
  }
}

TYPED_TEST(Half, EveryPatternSurvivesTheRoundTrip) {
  const std::uint32_t quiet = 1u << (kFormat<TypeParam>.fraction_bits - 1);
  for (std::uint32_t pattern = 0; pattern < 65536; ++pattern) {
    const auto half = TypeParam::from_bits(static_cast<std::uint16_t>(pattern));
    const bool is_nan = std::isnan(kFormat<TypeParam>.value(pattern));
    const std::uint32_t expected = is_nan ? pattern | quiet : pattern;
    ASSERT_EQ(TypeParam(static_cast<float>(half)).bits, expected) << pattern;
    ASSERT_EQ(TypeParam(static_cast<double>(half)).bits, expected) << pattern;
  }
}

TYPED_TEST(Half, RoundsToNearestTiesToEven) {
  const Format format = kFormat<TypeParam>;
  for (std::uint32_t pattern = 0; pattern < format.infinity(); ++pattern) {
    const double below = format.value(pattern);
    const bool last = pattern + 1 == format.infinity();
    const double above = last ? format.next_above_largest() : format.value(pattern + 1);
    const double middle = (below + above) / 2;  // exact: one bit more than the format has
    const std::uint32_t even = pattern % 2 == 0 ? pattern : pattern + 1;
    for (const std::uint32_t sign : {0u, 0x8000u}) {
      const double s = sign != 0 ? -1.0 : 1.0;
      const auto rounded = [&](double value) { return std::uint32_t{TypeParam(s * value).bits}; };
      ASSERT_EQ(rounded(middle), even | sign) << middle;
      ASSERT_EQ(rounded(std::nextafter(middle, 0.0)), pattern | sign) << middle;
      ASSERT_EQ(rounded(std::nextafter(middle, 1e300)), (pattern + 1) | sign) << middle;
      // The same in float, where the middle is exact too: half of bfloat16's least subnormal is
      // float's 2^-134.
      const auto rounded_float = [&](float value) {
        return std::uint32_t{TypeParam(sign != 0 ? -value : value).bits};
      };
      const auto middle_float = static_cast<float>(middle);
      ASSERT_EQ(static_cast<double>(middle_float), middle);
      ASSERT_EQ(rounded_float(middle_float), even | sign) << middle;
      ASSERT_EQ(rounded_float(std::nextafter(middle_float, 0.0F)), pattern | sign) << middle;
      ASSERT_EQ(rounded_float(std::nextafter(middle_float, std::numeric_limits<float>::infinity())),
                (pattern + 1) | sign)
          << middle;
    }
  }
}

TYPED_TEST(Half, KeepsInfinityAndNaN) {
  const std::uint32_t infinity = kFormat<TypeParam>.infinity();
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(TypeParam(inf).bits, infinity);
  EXPECT_EQ(TypeParam(-inf).bits, infinity | 0x8000u);
  EXPECT_EQ(TypeParam(std::numeric_limits<double>::max()).bits, infinity);
  EXPECT_EQ(TypeParam(-std::numeric_limits<double>::infinity()).bits, infinity | 0x8000u);
  // NaN whose payload lies in the bits that are cut off must not become infinity.
  for (const std::uint32_t pattern :
       {0x7f800001u, 0xff800001u, 0x7fc00000u, 0x7fffffffu, 0xffffffffu}) {
    const TypeParam half(std::bit_cast<float>(pattern));
    EXPECT_TRUE(std::isnan(static_cast<float>(half))) << pattern;
    EXPECT_EQ(half.bits >> 15, pattern >> 31) << pattern;
  }
  EXPECT_TRUE(std::isnan(static_cast<double>(TypeParam(std::numeric_limits<double>::quiet_NaN()))));
}

TYPED_TEST(Half, RoundsADoubleOnce) {
  const Format format = kFormat<TypeParam>;
  // Just above a midpoint by less than float can tell: by way of float the tie would go to the even
  // neighbour, 1.
  const double one_and_a_half_place = 1.0 + std::ldexp(1.0, -format.fraction_bits - 1);
  const double above = one_and_a_half_place + std::ldexp(1.0, -40);
  EXPECT_EQ(static_cast<double>(TypeParam(one_and_a_half_place)), 1.0);
  EXPECT_EQ(static_cast<double>(TypeParam(above)), 1.0 + std::ldexp(1.0, -format.fraction_bits));
}

TYPED_TEST(Half, RandomValuesGoToTheNearestPattern) {
  const Format format = kFormat<TypeParam>;
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(-30.0, 17.0);
  for (int i = 0; i < 100000; ++i) {
    const auto value =
        static_cast<float>(std::exp2(exponent(random)) * (random() % 2 == 0 ? 1 : -1));
    const std::uint32_t pattern = TypeParam(value).bits & 0x7fffu;
    if (pattern == format.infinity()) {
      ASSERT_GE(std::abs(value), (format.value(pattern - 1) + format.next_above_largest()) / 2);
      continue;
    }
    const double error = std::abs(std::abs(value) - format.value(pattern));
    if (pattern > 0) {
      ASSERT_LE(error, std::abs(std::abs(value) - format.value(pattern - 1))) << value;
    }
    ASSERT_LE(error, std::abs(std::abs(value) - format.value(pattern + 1))) << value;
  }
}

}  // namespace
}  // namespace gavotte::internal
