// gavotte scene.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/datasets/scenes.h"

namespace gavotte::test {
namespace {

TEST(SceneCommand, EveryScenePutsItsPointsIntoTheFile) {
  const TemporaryFolder folder;
  for (const char* scene : {"lidar", "room", "rooms", "shell", "shells", "random"}) {
    std::vector<std::string> arguments = {"scene",  scene, "-o", folder.file("scene.pcd.bin"),
                                          "--json", "-"};
    if (std::string(scene).starts_with("shell"))
      arguments.insert(arguments.end(), {"--resolution", "32"});
    if (std::string(scene) == "random") arguments.insert(arguments.end(), {"--size", "1000"});
    const Outcome outcome = gavotte(arguments);
    ASSERT_EQ(outcome.code, 0) << scene << ": " << outcome.err;
    const auto report = nlohmann::json::parse(outcome.out);
    const auto& file = report.at("files").at(0);
    EXPECT_GT(file.at("points").get<std::int64_t>(), 500) << scene;
    // x, y, z, intensity and ring of each point in float32
    EXPECT_EQ(std::filesystem::file_size(folder.file("scene.pcd.bin")),
              file.at("points").get<std::size_t>() * 20);
    EXPECT_GT(report.at("voxel_size_m").get<double>(), 0) << scene;
  }
}

TEST(SceneCommand, SeedDecidesEveryByte) {
  const TemporaryFolder folder;
  const auto make = [&](const std::string& name, const std::string& seed) {
    const Outcome outcome = gavotte({"scene", "lidar", "--seed", seed, "-o", name}, folder.path());
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return read_file(folder.file(name));
  };
  const std::string first = make("a.bin", "3");
  EXPECT_EQ(first, make("b.bin", "3"));
  EXPECT_NE(first, make("c.bin", "4"));
  EXPECT_EQ(read_file(folder.file("a.label")), read_file(folder.file("b.label")));
}

TEST(SceneCommand, FramesAreNumberedAndMove) {
  const TemporaryFolder folder;
  const Outcome outcome = gavotte(
      {"scene", "lidar", "--frames", "2", "--frame", "5", "-o", "drive.pcd.bin"}, folder.path());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(read_file(folder.file("drive-0005.pcd.bin")),
            read_file(folder.file("drive-0006.pcd.bin")));
  EXPECT_FALSE(std::filesystem::exists(folder.file("drive.pcd.bin")));
  EXPECT_NE(outcome.out.find("drive-0006.pcd.bin"), std::string::npos) << outcome.out;
}

TEST(SceneCommand, WritesTheFormatsThatItNames) {
  const TemporaryFolder folder;
  for (const char* file : {"s.bin", "s.pcd.bin", "s.ply", "s.pcd", "s.xyz", "s.pts"}) {
    const Outcome outcome =
        gavotte({"scene", "random", "--size", "300", "-o", file}, folder.path());
    ASSERT_EQ(outcome.code, 0) << file << ": " << outcome.err;
    if (!can_read(point_format(file))) continue;
    EXPECT_EQ(read_points(folder.file(file)).size(), 300) << file;
  }
}

TEST(SceneCommand, AzimuthsAreDirectionsOfATurn) {
  const TemporaryFolder folder;
  ASSERT_EQ(gavotte({"scene", "lidar", "--azimuths", "40", "-o", "s.bin"}, folder.path()).code, 0);
  const PointCloud expected = lidar_street({.azimuths = 40});
  EXPECT_EQ(read_points(folder.file("s.bin")).rows, expected.rows);
}

TEST(SceneCommand, WrongUsageIsBadInput) {
  const TemporaryFolder folder;
  const std::string out = folder.file("s.bin");
  EXPECT_EQ(complaint_problem(gavotte({"scene"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "lidar"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "cathedral", "-o", out})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "lidar", "-o", folder.file("s.docx")})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "lidar", "-o", "/nowhere/at/all/s.bin"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "lidar", "-o", out, "--frames", "0"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "lidar", "-o", out, "--seed", "-1"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "room", "-o", out, "--size", "5"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "lidar", "-o", out, "--size", "1000000"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "room", "-o", out, "--frames", "2"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "shell", "-o", out, "--resolution", "1"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"scene", "random", "-o", out, "--size", "-4"})), "");
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace gavotte::test
