// The rule by which points become the input channels of a network.
#include "point_features.h"

#include <gtest/gtest.h>

#include <limits>

#include "input_error.h"

namespace gavotte::cli {
namespace {

using Names = std::vector<std::string>;

PointCloud scan_with(Names channels, std::vector<float> rows) {
  PointCloud scan;
  scan.channels = std::move(channels);
  scan.rows = std::move(rows);
  return scan;
}

TEST(PointFeatures, OneChannelIsIntensity) {
  const auto features = select_features(scan_with({"intensity"}, {1, 2, 3, 0.5F}), {}, 1, "scan");
  EXPECT_EQ(features.names, Names({"intensity"}));
  EXPECT_EQ(features.cloud.rows, std::vector<float>({1, 2, 3, 0.5F}));
}

TEST(PointFeatures, FourChannelsArePositionAndIntensity) {
  const auto features =
      select_features(scan_with({"ring", "intensity"}, {1, 2, 3, 9, 0.5F}), {}, 4, "scan");
  EXPECT_EQ(features.cloud.rows, std::vector<float>({1, 2, 3, 1, 2, 3, 0.5F}));
}

TEST(PointFeatures, ThreeChannelsAreColoursWhereThereAreAny) {
  const auto coloured =
      select_features(scan_with({"r", "g", "b"}, {1, 2, 3, 0.1F, 0.2F, 0.3F}), {}, 3, "scan");
  EXPECT_EQ(coloured.names, Names({"r", "g", "b"}));
  const auto plain = select_features(scan_with({}, {1, 2, 3}), {}, 3, "scan");
  EXPECT_EQ(plain.cloud.rows, std::vector<float>({1, 2, 3, 1, 2, 3}));
}

TEST(PointFeatures, BrightnessOrOneStandsInForIntensity) {
  const auto coloured =
      select_features(scan_with({"r", "g", "b"}, {1, 2, 3, 1, 0, 0}), {}, 1, "scan");
  EXPECT_EQ(coloured.names, Names({"brightness"}));
  EXPECT_FLOAT_EQ(coloured.cloud.rows[3], 0.299F);
  const auto plain = select_features(scan_with({}, {1, 2, 3}), {}, 1, "scan");
  EXPECT_EQ(plain.names, Names({"one"}));
  EXPECT_EQ(plain.cloud.rows[3], 1.0F);
}

TEST(PointFeatures, NamesOfTheUserComeInHisOrder) {
  const auto features =
      select_features(scan_with({"ring"}, {1, 2, 3, 9}), {"one", "z", "ring"}, 3, "scan");
  EXPECT_EQ(features.cloud.rows, std::vector<float>({1, 2, 3, 1, 3, 9}));
}

TEST(PointFeatures, NonFiniteNumbersBecomeZeroAndAreCountedWherePointsAreKept) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto features =
      select_features(scan_with({"intensity"}, {1, 2, 3, nan, nan, 2, 3, nan}), {}, 1, "scan");
  EXPECT_EQ(features.replaced, 1);
  EXPECT_EQ(features.cloud.rows[3], 0.0F);
}

TEST(PointFeatures, WrongNumberOrNameIsRefused) {
  const PointCloud scan = scan_with({"intensity"}, {1, 2, 3, 0.5F});
  EXPECT_THROW(select_features(scan, {"x"}, 2, "scan"), InputError);
  EXPECT_THROW(select_features(scan, {"x", "heat"}, 2, "scan"), InputError);
  EXPECT_THROW(select_features(scan, {"brightness"}, 1, "scan"), InputError);
  EXPECT_THROW(select_features(scan, {}, 2, "scan"), InputError);
}

}  // namespace
}  // namespace gavotte::cli
