// gavotte bench peak.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cli/process.h"

namespace gavotte::test {
namespace {

// One short round on arrays of 1 MiB.
const std::vector<std::string> kShort = {"bench",     "peak", "--rounds",    "1",
                                         "--threads", "3",    "--array-mib", "1"};

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(BenchPeak, TableNamesFiguresAndUnits) {
  const Outcome outcome = gavotte(kShort);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  for (const char* word :
       {"float32", "float64", "multiply-add", "read", "write", "copy", "triad", "10^9 op/s",
        "10^9 B/s", "best", "median", "noise", "threads", "scaling", "1 rounds", "1.0 MiB"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
  }
}

TEST(BenchPeak, JsonHasARateForEachFigureAndThreadCount) {
  const Outcome outcome = gavotte(with(kShort, {"--json", "-"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report.at("threads"), 3);
  EXPECT_EQ(report.at("rounds"), 1);
  EXPECT_EQ(report.at("array_bytes"), 1 << 20);
  std::set<std::pair<std::string, int>> found;
  for (const auto& [list, unit] : {std::pair("arithmetic", "gop_per_s"), {"memory", "gb_per_s"}}) {
    for (const auto& figure : report.at(list)) {
      found.emplace(figure.at("name").get<std::string>(), figure.at("threads").get<int>());
      const double best = figure.at(std::string("best_") + unit).get<double>();
      EXPECT_GT(best, 0) << figure;
      EXPECT_EQ(best, figure.at(std::string("median_") + unit).get<double>()) << figure;
      EXPECT_EQ(figure.at("noise"), 0) << "of one round: " << figure;
      EXPECT_TRUE(figure.at("threads") > 1 || figure.at("scaling") == 1) << figure;
    }
  }
  for (const char* name : {"float32", "float64", "read", "write", "copy", "triad"}) {
    for (const int threads : {1, 2, 3}) EXPECT_TRUE(found.contains({name, threads})) << name;
  }
}

TEST(BenchPeak, JsonToAFileLeavesTheTable) {
  const TemporaryFolder folder;
  const Outcome outcome = gavotte(with(kShort, {"--json", folder.file("peak.json")}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("triad"), std::string::npos);
  EXPECT_TRUE(nlohmann::json::parse(read_file(folder.file("peak.json"))).contains("memory"));
}

TEST(BenchPeak, WrongUsageIsOneLineAndExitCodeTwo) {
  EXPECT_EQ(complaint_problem(gavotte({"bench"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"bench", "dance"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"bench", "peak", "--rounds", "0"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"bench", "peak", "--threads", "-1"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"bench", "peak", "--threads", "many"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"bench", "peak", "--array-mib", "-1"})), "");
  EXPECT_EQ(complaint_problem(gavotte(with(kShort, {"--json", "/no/such/folder/peak.json"}))), "");
}

TEST(BenchPeak, MoreMemoryThanThereIsIsBadInput) {
  // 3 TiB.
  const Outcome outcome = gavotte({"bench", "peak", "--rounds", "1", "--array-mib", "1048576"});
  EXPECT_EQ(complaint_problem(outcome), "");
  EXPECT_NE(outcome.err.find("of memory, got 3 x 1048576"), std::string::npos) << outcome.err;
}

TEST(BenchPeak, WrongUsageSaysWhereTheHelpIs) {
  const Outcome outcome = gavotte({"bench", "peak", "--rounds", "0"});
  EXPECT_NE(outcome.err.find("'gavotte bench peak --help'"), std::string::npos) << outcome.err;
  EXPECT_EQ(gavotte({"bench", "peak", "--help"}).code, 0);
}

}  // namespace
}  // namespace gavotte::test
