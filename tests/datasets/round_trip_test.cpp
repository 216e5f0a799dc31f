// What a writer writes, the reader of that format reads back.
#include <cmath>
#include <limits>

#include "gavotte/datasets/writers.h"
#include "scratch.h"

namespace gavotte {
namespace {

// Values that need all digits of a float; colours that are whole 255ths, as files store bytes.
PointCloud sample(const std::vector<std::string>& channels) {
  PointCloud cloud{.rows = {}, .channels = channels, .labels = {}, .instances = {}};
  for (int i = 0; i < 7; ++i) {
    for (const float v :
         {0.1f * static_cast<float>(i), -1234.567f, 1e-5f * static_cast<float>(i * i)}) {
      cloud.rows.push_back(v);
    }
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const bool color = channels[c].size() == 1;
      const auto step = static_cast<float>(i * 31 + static_cast<int>(c) * 7);
      cloud.rows.push_back(color ? step / 255.0f : step * 0.125f);
    }
  }
  return cloud;
}

PointCloud round_trip(const std::string& name, const PointCloud& cloud) {
  const Scratch scratch;
  write_points(scratch.path(name), cloud);
  return read_points(scratch.path(name));
}

void expect_same(const PointCloud& read, const PointCloud& written) {
  ASSERT_EQ(read.size(), written.size());
  const PointCloud ordered =
      read.with_channels(written.channels, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(read.channels.size(), written.channels.size()) << read.to_string();
  ASSERT_EQ(ordered.rows.size(), written.rows.size());
  for (std::size_t i = 0; i < written.rows.size(); ++i) {
    EXPECT_FLOAT_EQ(ordered.rows[i], written.rows[i]) << read.to_string();
  }
  EXPECT_EQ(read.labels, written.labels);
  EXPECT_EQ(read.instances, written.instances);
}

TEST(RoundTrip, KittiWithLabels) {
  PointCloud cloud = sample({"intensity"});
  expect_same(round_trip("a.bin", cloud), cloud);
  cloud.labels = {0, 1, 2, 3, 4, 5, 65535};
  cloud.instances = {7, 6, 5, 4, 3, 2, 65535};
  expect_same(round_trip("a.bin", cloud), cloud);
}

TEST(RoundTrip, Nuscenes) {
  const PointCloud cloud = sample({"intensity", "ring"});
  expect_same(round_trip("a.pcd.bin", cloud), cloud);
}

class Open3dRoundTrip : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_read(PointFormat::ply)) GTEST_SKIP() << "built without Open3D";
  }
};

TEST_F(Open3dRoundTrip, PlyAndPcdKeepEveryField) {
  for (const char* name : {"a.ply", "a.pcd"}) {
    SCOPED_TRACE(name);
    expect_same(round_trip(name, sample({})), sample({}));
    PointCloud cloud = sample({"intensity", "r", "g", "b", "time"});
    cloud.labels = {-1, 0, 1, 2, 16777217, 2147483647, 5};
    cloud.instances = {1, 2, 3, 4, 5, 6, 7};
    expect_same(round_trip(name, cloud), cloud);
  }
}

TEST_F(Open3dRoundTrip, NanPointsStay) {
  PointCloud cloud = sample({"intensity"});
  cloud.rows[4] = std::numeric_limits<float>::quiet_NaN();
  cloud.rows[9] = std::numeric_limits<float>::infinity();
  for (const char* name : {"a.ply", "a.pcd", "a.xyz"}) {
    const PointCloud read = round_trip(name, cloud);
    ASSERT_EQ(read.size(), cloud.size()) << name;
    EXPECT_TRUE(std::isnan(read.row(1)[0])) << name;
    EXPECT_TRUE(std::isinf(read.row(2)[1])) << name;
  }
}

TEST_F(Open3dRoundTrip, TextFormats) {
  for (const auto& [name, channels] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"a.xyz", {}},
           {"a.xyzn", {"nx", "ny", "nz"}},
           {"a.xyzrgb", {"r", "g", "b"}},
           {"a.pts", {"intensity", "r", "g", "b"}},
           {"a.pts", {"intensity"}},
           {"a.pts", {}}}) {
    SCOPED_TRACE(name);
    expect_same(round_trip(name, sample(channels)), sample(channels));
  }
}

TEST_F(Open3dRoundTrip, LabelledPlyHasThePalettesColours) {
  const Scratch scratch;
  const PointCloud cloud = sample({"intensity"});
  const std::vector<std::int32_t> labels = {0, 1, 2, 3, -1, 99, 7};
  const Palette palette = Palette::street();
  write_labelled_ply(scratch.path("l.ply"), cloud.view(), labels, palette);
  const PointCloud read = read_points(scratch.path("l.ply")).with_channels({"r", "g", "b"});
  EXPECT_EQ(read.labels, labels);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const float* row = read.row(static_cast<std::int64_t>(i));
    EXPECT_EQ(row[0], cloud.row(static_cast<std::int64_t>(i))[0]);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(std::lround(row[3 + c] * 255.0f), palette.color(labels[i])[c]);
    }
  }
  const std::vector<std::int32_t> too_few = {1};
  EXPECT_THROW(write_labelled_ply(scratch.path("l.ply"), cloud.view(), too_few, palette), Error);
}

TEST(Writers, UnwritablePathsAreErrors) {
  const Scratch scratch;
  for (const char* name : {"no/a.bin", "no/a.ply", "no/a.pcd", "no/a.xyz"}) {
    EXPECT_THROW(write_points(scratch.path(name), sample({"intensity"})), Error) << name;
  }
  EXPECT_THROW(write_points(scratch.path("a.unknown"), sample({})), Error);
}

}  // namespace
}  // namespace gavotte
