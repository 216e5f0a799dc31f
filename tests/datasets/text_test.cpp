// Small files as other programs write them, through Open3D.
#include <cmath>

#include "scratch.h"

namespace gavotte {
namespace {

class Open3dReaders : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_read(PointFormat::ply)) GTEST_SKIP() << "built without Open3D";
  }
};

constexpr std::string_view kPcdHead =
    "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\n"
    "TYPE F F F F\nCOUNT 1 1 1 1\nWIDTH 2\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 2\n";

TEST_F(Open3dReaders, PcdUnpacksColoursFromAFloat) {
  const std::uint32_t packed = 0x00ff8000u;  // red 255, green 128, blue 0
  std::string content = std::string(kPcdHead) + "DATA binary\n";
  for (int i = 0; i < 2; ++i) {
    const float xyz[3] = {1.0f + static_cast<float>(i), NAN, 3.0f};
    content.append(reinterpret_cast<const char*>(xyz), sizeof(xyz));
    content.append(reinterpret_cast<const char*>(&packed), sizeof(packed));
  }
  const PointCloud cloud =
      read_points(bytes_of(content), PointFormat::pcd).with_channels({"r", "g", "b"});
  ASSERT_EQ(cloud.size(), 2);
  EXPECT_EQ(cloud.row(1)[0], 2.0f);
  EXPECT_TRUE(std::isnan(cloud.row(1)[1]));
  EXPECT_FLOAT_EQ(cloud.row(0)[3], 1.0f);
  EXPECT_FLOAT_EQ(cloud.row(0)[4], 128.0f / 255.0f);
  EXPECT_FLOAT_EQ(cloud.row(0)[5], 0.0f);
}

TEST_F(Open3dReaders, PcdAsciiWithNan) {
  const std::string content =
      std::string(kPcdHead) + "DATA ascii\n1 2 3 4.2108e+06\nnan nan nan 4.2108e+06\n";
  const PointCloud cloud = read_points(bytes_of(content), PointFormat::pcd);
  ASSERT_EQ(cloud.size(), 2);
  EXPECT_EQ(cloud.row(0)[2], 3.0f);
  EXPECT_TRUE(std::isnan(cloud.row(1)[0]));
}

TEST_F(Open3dReaders, PlyAsciiWithFaces) {
  const std::string content =
      "ply\nformat ascii 1.0\ncomment made by hand\nelement vertex 3\nproperty double x\n"
      "property double y\nproperty double z\nproperty uchar red\nproperty uchar green\n"
      "property uchar blue\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
      "0 0 0 255 0 0\n1.5 0 0 0 255 0\n0 2.5 0 0 0 255\n3 0 1 2\n";
  const PointCloud cloud = read_points(bytes_of(content), PointFormat::ply);
  ASSERT_EQ(cloud.size(), 3);
  EXPECT_EQ(cloud.row(2)[1], 2.5f);
  EXPECT_FLOAT_EQ(cloud.row(1)[3 + cloud.channel("g")], 1.0f);
}

TEST_F(Open3dReaders, XyzSkipsCommentsAndBlankLines) {
  const PointCloud cloud =
      read_points(bytes_of("# header\r\n\n1 2 3\r\n4.5\t5 6"), PointFormat::xyz);
  EXPECT_EQ(cloud.rows, (std::vector<float>{1, 2, 3, 4.5f, 5, 6}));
}

TEST_F(Open3dReaders, PtsReadsIntensityAndColour) {
  const PointCloud cloud =
      read_points(bytes_of("2\n1 2 3 -1000 255 0 51\n4 5 6 7 0 0 0\n"), PointFormat::pts);
  ASSERT_EQ(cloud.size(), 2);
  EXPECT_EQ(cloud.row(0)[3 + cloud.channel("intensity")], -1000.0f);
  EXPECT_FLOAT_EQ(cloud.row(0)[3 + cloud.channel("b")], 0.2f);
}

TEST(ReadPoints, MissingOpen3dIsNamed) {
  if (can_read(PointFormat::ply)) GTEST_SKIP() << "built with Open3D";
  EXPECT_NE(read_error("1 2 3\n", PointFormat::xyz).find("GAVOTTE_WITH_OPEN3D"), std::string::npos);
}

}  // namespace
}  // namespace gavotte
