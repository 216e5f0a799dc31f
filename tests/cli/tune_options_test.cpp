// Words of the options of `gavotte tune` as values.
#include <gtest/gtest.h>

#include "input_error.h"
#include "tune_options.h"

namespace gavotte::cli {
namespace {

TEST(TuneOptions, BudgetsHaveUnits) {
  EXPECT_EQ(seconds_from_text("90"), 90);
  EXPECT_EQ(seconds_from_text("0.5s"), 0.5);
  EXPECT_EQ(seconds_from_text("1.5m"), 90);
  EXPECT_EQ(seconds_from_text("2h"), 7200);
  for (const char* wrong :
       {"", "s", "0", "-1", "1d", "1 s", "nan", "inf", "1e9", "60ss", "one", "0x10", "169h"})
    EXPECT_THROW(seconds_from_text(wrong), InputError) << wrong;
}

TEST(TuneOptions, BackwardIsBothGradients) {
  using enum Direction;
  EXPECT_EQ(directions_from_text("forward"), std::vector{forward});
  EXPECT_EQ(directions_from_text("backward"), (std::vector{dgrad, wgrad}));
  EXPECT_EQ(directions_from_text("backward,forward"), (std::vector{dgrad, wgrad, forward}));
  EXPECT_EQ(directions_from_text("forward,forward"), std::vector{forward});
  for (const char* wrong : {"", ",", "forward,", "sideways", "dgrad", "forward backward"})
    EXPECT_THROW(directions_from_text(wrong), InputError) << wrong;
}

TEST(TuneOptions, DevicesHaveNames) {
  EXPECT_EQ(device_from_text("cpu"), Device::cpu());
  EXPECT_EQ(device_from_text(""), Device::best());
  for (const char* wrong :
       {"gpu", "cpu0", "cuda:", "cuda:-1", "cuda:x", "cuda0", "cuda:0 ", "cuda:1000"})
    EXPECT_THROW(device_from_text(wrong), InputError) << wrong;
}

}  // namespace
}  // namespace gavotte::cli
