// KITTI and nuScenes scans, SemanticKITTI labels, and which reader a file goes to.
#include "gavotte/datasets/writers.h"
#include "scratch.h"

namespace gavotte {
namespace {

template <class T>
std::string raw(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(T)};
}

TEST(KittiReader, RecordsAreFourFloats) {
  const Scratch scratch;
  const PointCloud cloud =
      read_points(scratch.write("scan.bin", raw<float>({1, 2, 3, 0.5f, 4, 5, 6, 0.25f})));
  EXPECT_EQ(cloud.size(), 2);
  EXPECT_EQ(cloud.channels, std::vector<std::string>{"intensity"});
  EXPECT_EQ(cloud.rows, (std::vector<float>{1, 2, 3, 0.5f, 4, 5, 6, 0.25f}));
  EXPECT_TRUE(cloud.labels.empty());
}

TEST(KittiReader, LabelsSplitIntoClassAndInstance) {
  const Scratch scratch;
  const std::string labels = raw<std::uint32_t>({0x00030028u, 0xffff0102u});
  scratch.write("00/labels/000000.label", labels);
  const auto scan = scratch.write("00/velodyne/000000.bin", raw<float>({1, 2, 3, 0, 4, 5, 6, 0}));
  const PointCloud cloud = read_points(scan);
  EXPECT_EQ(cloud.labels, (std::vector<std::int32_t>{0x28, 0x102}));
  EXPECT_EQ(cloud.instances, (std::vector<std::int32_t>{3, 0xffff}));
  scratch.write("00/labels/000000.label", labels.substr(0, 7));
  EXPECT_THROW(read_points(scan), Error);
}

TEST(KittiReader, LabelsBesideTheScanComeFirst) {
  const Scratch scratch;
  scratch.write("labels/a.label", raw<std::uint32_t>({1}));
  scratch.write("scans/a.label", raw<std::uint32_t>({2}));
  const PointCloud cloud = read_points(scratch.write("scans/a.bin", raw<float>({1, 2, 3, 0})));
  EXPECT_EQ(cloud.labels, std::vector<std::int32_t>{2});
}

TEST(NuscenesReader, RecordsAreFiveFloats) {
  const Scratch scratch;
  const PointCloud cloud =
      read_points(scratch.write("SWEEP.PCD.BIN", raw<float>({1, 2, 3, 200, 31})));
  EXPECT_EQ(cloud.channels, (std::vector<std::string>{"intensity", "ring"}));
  EXPECT_EQ(cloud.rows, (std::vector<float>{1, 2, 3, 200, 31}));
}

TEST(BinReaders, PartialRecordsAndEmptyFilesAreErrors) {
  const std::string scan = raw<float>({1, 2, 3, 0.5f, 4, 5, 6, 0.25f});
  for (std::size_t size = 0; size < scan.size(); ++size) {
    if (size != 16) read_error(scan.substr(0, size), PointFormat::kitti);
    if (size != 20) read_error(scan.substr(0, size), PointFormat::nuscenes);
  }
  EXPECT_NE(read_error(raw<float>({1, 2, 3, 4, 5}), PointFormat::kitti).find(".pcd.bin"),
            std::string::npos);
}

TEST(PointFormat, NameFirstThenContent) {
  const Scratch scratch;
  EXPECT_EQ(point_format("a/b.Ply"), PointFormat::ply);
  EXPECT_EQ(point_format("x.pcd.bin"), PointFormat::nuscenes);
  EXPECT_EQ(point_format("x.pcd"), PointFormat::pcd);
  EXPECT_EQ(point_format("x.xyzrgb"), PointFormat::xyzrgb);
  EXPECT_EQ(point_format(scratch.write("cloud", "ply\nformat ascii 1.0\n")), PointFormat::ply);
  EXPECT_EQ(point_format(scratch.write("cloud2", "# .PCD v0.7\n")), PointFormat::pcd);
  EXPECT_THROW(point_format(scratch.write("photo.jpg", "JFIF")), Error);
  EXPECT_THROW(point_format("none"), Error);
}

TEST(ReadPoints, MissingFilesAndFoldersAreRuntimeErrors) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch.path("folder.bin"));
  for (const char* name : {"none.bin", "none.ply", "folder.bin"}) {
    try {
      read_points(scratch.path(name));
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::runtime);
    }
  }
}

TEST(WriteLabels, OutOfSixteenBitsIsAnError) {
  const Scratch scratch;
  PointCloud cloud{.rows = {1, 2, 3}, .channels = {}, .labels = {65536}, .instances = {}};
  EXPECT_THROW(write_labels(scratch.path("a.label"), cloud), Error);
  cloud.labels = {-1};
  EXPECT_THROW(write_labels(scratch.path("a.label"), cloud), Error);
  cloud.labels = {65535};
  write_labels(scratch.path("a.label"), cloud);
  EXPECT_EQ(scratch.read("a.label"), raw<std::uint32_t>({65535u}));
  EXPECT_THROW(write_labels(scratch.path("no/folder/a.label"), cloud), Error);
}

}  // namespace
}  // namespace gavotte
