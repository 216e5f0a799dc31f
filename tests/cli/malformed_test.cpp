// A malformed file of each format: exit code 2 and one line that names the file.
#include <gtest/gtest.h>

#include <string>

#include "cli/process.h"
#include "cli/small_files.h"

namespace gavotte::test {
namespace {

class MalformedFile : public ::testing::Test {
 protected:
  TemporaryFolder folder_;  // first: the files below lie in it
  std::string network_ = folder_.write("small.gavotte", small_network_bytes());
  std::string scan_ = folder_.write("scan.bin", kitti_bytes(50));

  // What is wrong with the complaint about a scan of these bytes, empty where nothing is.
  std::string scan_problem(const std::string& name, const std::string& bytes) {
    return problem(gavotte({"run", network_, folder_.write(name, bytes)}), name);
  }
  std::string network_problem(const std::string& bytes) {
    return problem(gavotte({"run", folder_.write("bad.gavotte", bytes), scan_}), "bad.gavotte");
  }

 private:
  static std::string problem(const Outcome& outcome, const std::string& name) {
    const std::string wrong = complaint_problem(outcome);
    if (!wrong.empty()) return wrong;
    return outcome.err.find(name) == std::string::npos
               ? "does not name " + name + ": " + outcome.err
               : "";
  }
};

const char kPcdHeader[] =
    "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F "
    "F\n"
    "COUNT 1 1 1\nWIDTH 10\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 10\nDATA ";
const char kPlyHeader[] =
    "ply\nformat binary_little_endian 1.0\nelement vertex 10\nproperty float x\nproperty float y\n"
    "property float z\nend_header\n";

TEST_F(MalformedFile, KittiAndNuScenes) {
  EXPECT_EQ(scan_problem("odd.bin", kitti_bytes(10) + "abc"), "");
  EXPECT_EQ(scan_problem("empty.bin", ""), "");
  EXPECT_EQ(scan_problem("odd.pcd.bin", std::string(21, 'x')), "");
  EXPECT_EQ(scan_problem("empty.pcd.bin", ""), "");
}

TEST_F(MalformedFile, SemanticKittiLabelsOfAnotherLength) {
  folder_.write("labelled.label", std::string(12, '\0'));
  const Outcome outcome =
      gavotte({"run", network_, folder_.write("labelled.bin", kitti_bytes(10))});
  EXPECT_EQ(complaint_problem(outcome), "");
  EXPECT_NE(outcome.err.find("labelled.label"), std::string::npos) << outcome.err;
}

TEST_F(MalformedFile, Pcd) {
  EXPECT_EQ(scan_problem("empty.pcd", ""), "");
  EXPECT_EQ(scan_problem("text.pcd", "this is no point cloud\n"), "");
  EXPECT_EQ(scan_problem("short.pcd", kPcdHeader + std::string("binary\n") + std::string(7, '\1')),
            "");
  EXPECT_EQ(scan_problem("short_ascii.pcd", kPcdHeader + std::string("ascii\n1 2 3\n")), "");
  EXPECT_EQ(scan_problem("packed.pcd",
                         kPcdHeader + std::string("binary_compressed\n") + std::string(9, '\xff')),
            "");
}

TEST_F(MalformedFile, Ply) {
  EXPECT_EQ(scan_problem("empty.ply", ""), "");
  EXPECT_EQ(scan_problem("text.ply", "this is no point cloud\n"), "");
  EXPECT_EQ(scan_problem("short.ply", kPlyHeader + std::string(7, '\1')), "");
  EXPECT_EQ(scan_problem("headless.ply", std::string(kPlyHeader).substr(0, 60)), "");
}

TEST_F(MalformedFile, Text) {
  EXPECT_EQ(scan_problem("empty.xyz", ""), "");
  EXPECT_EQ(scan_problem("words.xyz", "one two three\n"), "");
  EXPECT_EQ(scan_problem("words.pts", "many\n1 2 3\n"), "");
}

TEST_F(MalformedFile, Network) {
  const std::string good = small_network_bytes();
  EXPECT_EQ(network_problem(""), "");
  EXPECT_EQ(network_problem("garbage"), "");
  EXPECT_EQ(network_problem(std::string(4096, '\xff')), "");
  EXPECT_EQ(network_problem(good.substr(0, good.size() / 2)), "");
  EXPECT_EQ(network_problem(good.substr(0, good.size() - 1)), "");
  EXPECT_EQ(network_problem(good + "tail"), "");
}

TEST_F(MalformedFile, MissingFilesAndFolders) {
  EXPECT_EQ(complaint_problem(gavotte({"run", network_, folder_.file("missing.bin")})), "");
  EXPECT_EQ(complaint_problem(gavotte({"run", network_, folder_.path().string()})), "");
  EXPECT_EQ(complaint_problem(gavotte({"run", folder_.file("missing.gavotte"), scan_})), "");
  EXPECT_EQ(complaint_problem(gavotte({"run", network_, folder_.write("scan.docx", "x")})), "");
  EXPECT_EQ(complaint_problem(gavotte({"run", network_, scan_, folder_.file("missing.ply")})), "");
}

}  // namespace
}  // namespace gavotte::test
