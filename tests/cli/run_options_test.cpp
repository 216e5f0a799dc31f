// Wrong options of gavotte run.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/process.h"
#include "cli/small_files.h"

namespace gavotte::test {
namespace {

class RunOptions : public ::testing::Test {
 protected:
  TemporaryFolder folder_;  // first: the files below lie in it
  std::string network_ = folder_.write("small.gavotte", small_network_bytes());
  std::string scan_ = folder_.write("scan.bin", kitti_bytes(50));

  Outcome run(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", network_, scan_, "--no-picture"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return gavotte(arguments, folder_.path());
  }
};

TEST_F(RunOptions, ValuesWithoutMeaningAreBadInput) {
  EXPECT_EQ(complaint_problem(run({"--voxel-size", "0"})), "");
  EXPECT_EQ(complaint_problem(run({"--voxel-size", "-0.1"})), "");
  EXPECT_EQ(complaint_problem(run({"--voxel-size", "nan"})), "");
  EXPECT_EQ(complaint_problem(run({"--voxel-size", "inf"})), "");
  EXPECT_EQ(complaint_problem(run({"--voxel-size", "0.1,0.1"})), "");
  EXPECT_EQ(complaint_problem(run({"--voxel-size", "0.1x"})), "");
  EXPECT_EQ(complaint_problem(run({"--crop", "0", "0", "0"})), "");
  EXPECT_EQ(complaint_problem(run({"--crop", "1", "0", "0", "0", "1", "1"})), "");
  EXPECT_EQ(complaint_problem(run({"--crop", "100", "100", "100", "101", "101", "101"})), "");
  EXPECT_EQ(complaint_problem(run({"--dtype", "float8"})), "");
  EXPECT_EQ(complaint_problem(run({"--dtype", "int32"})), "");
  EXPECT_EQ(complaint_problem(run({"--reduce", "median"})), "");
  EXPECT_EQ(complaint_problem(run({"--threads", "-1"})), "");
  EXPECT_EQ(complaint_problem(run({"--threads", "100000"})), "");
  EXPECT_EQ(complaint_problem(run({"--rounds", "0"})), "");
  EXPECT_EQ(complaint_problem(run({"--warmup", "-2"})), "");
  EXPECT_EQ(complaint_problem(run({"--view", "inside"})), "");
  EXPECT_EQ(complaint_problem(run({"--features", "x,y"})), "");
  EXPECT_EQ(complaint_problem(run({"--features", "x,,y,z"})), "");
  EXPECT_EQ(complaint_problem(run({"--features", "x,y,z,temperature"})), "");
  EXPECT_EQ(complaint_problem(run({"--channels", "4"})), "");
  EXPECT_EQ(complaint_problem(run({"--seed", "4"})), "");
  EXPECT_EQ(complaint_problem(run({"--json", "/nowhere/report.json"})), "");
  EXPECT_EQ(complaint_problem(run({"-o", scan_})), "");
}

TEST_F(RunOptions, NothingIsWrittenAfterAComplaint) {
  ASSERT_EQ(run({"--features", "x,y"}).code, 2);
  ASSERT_EQ(run({"--voxel-size", "0"}).code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("scan.labels.ply")));
}

TEST_F(RunOptions, ComplaintsNameWhatCame) {
  EXPECT_NE(run({"--features", "x,y,z,temperature"}).err.find("temperature"), std::string::npos);
  EXPECT_NE(run({"--dtype", "float8"}).err.find("float8"), std::string::npos);
  EXPECT_NE(run({"--crop", "1", "0", "0", "0", "1", "1"}).err.find("axis x"), std::string::npos);
}

TEST_F(RunOptions, ListsOfNumbersAreRead) {
  EXPECT_EQ(run({"--voxel-size", "0.1,0.1,0.2"}).code, 0);
  EXPECT_EQ(run({"--crop", "-4", "-4", "-4", "4", "4", "4"}).code, 0);
  EXPECT_EQ(run({"--crop", "-4,-4,-4,4,4,4"}).code, 0);
}

TEST_F(RunOptions, TwoScansForOneOutputAreBadInput) {
  folder_.write("scan.pcd.bin", bytes_of({1, 2, 3, 4, 5}));
  const Outcome outcome = run({"scan.pcd.bin", "-o", "."});
  EXPECT_EQ(complaint_problem(outcome), "");
  EXPECT_NE(outcome.err.find("scan.labels.ply"), std::string::npos) << outcome.err;
}

TEST_F(RunOptions, MissingArgumentsAreBadInput) {
  EXPECT_EQ(complaint_problem(gavotte({"run"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"run", network_})), "");
}

}  // namespace
}  // namespace gavotte::test
