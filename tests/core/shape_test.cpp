// Shape and PerAxis: bounds, overflow, text.
#include "gavotte/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gavotte/error.h"

namespace gavotte {
namespace {

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{3, 4, 5}).elements(), 60);
  EXPECT_EQ((Shape{std::int64_t{1} << 62, 4, 0}).elements(), 0);
  EXPECT_EQ((Shape{std::int64_t{1} << 62}).elements(), std::int64_t{1} << 62);
}

TEST(Shape, OverflowIsAnErrorThatNamesTheShape) {
  const Shape shape{std::int64_t{1} << 32, std::int64_t{1} << 31};
  try {
    shape.elements();
    FAIL() << "no Error was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("[4294967296, 2147483648]"));
    EXPECT_THAT(error.what(), testing::HasSubstr("(src/shape.cpp:"));
  }
}

TEST(Shape, RefusesNegativeExtentsAndHighRank) {
  EXPECT_THROW((Shape{2, -1}), Error);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), Error);
  EXPECT_EQ((Shape{1, 1, 1, 1, 1, 1}).rank(), 6);
}

TEST(PerAxis, OneNumberStandsForAllAxes) {
  const PerAxis three = 3;
  EXPECT_EQ(three.count(), 0);
  EXPECT_TRUE(three.all_equal(3, 4));
  EXPECT_EQ(three.to_string(), "3");
}

TEST(PerAxis, OneNumberForEachAxis) {
  const PerAxis values{1, 3, 1};
  EXPECT_EQ(values.count(), 3);
  EXPECT_EQ(values[1], 3);
  EXPECT_FALSE(values.all_equal(1, 3));
  EXPECT_TRUE(values.all_equal(1, 1));
  EXPECT_EQ(values.to_string(), "(1, 3, 1)");
}

TEST(PerAxis, RefusesNoneAndFive) {
  const std::int32_t values[5] = {1, 2, 3, 4, 5};
  EXPECT_THROW(PerAxis::from(values, 0), Error);
  EXPECT_THROW(PerAxis::from(values, 5), Error);
  EXPECT_EQ(PerAxis::from(values, 4)[3], 4);
}

}  // namespace
}  // namespace gavotte
