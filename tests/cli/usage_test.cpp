// Help, version and wrong usage of the gavotte command.
#include <gtest/gtest.h>

#include "cli/process.h"

namespace gavotte::test {
namespace {

TEST(Usage, HelpNamesCommandsExamplesAndExitCodes) {
  const Outcome outcome = gavotte({"--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const char* word :
       {"run", "scene", "inspect", "tune", "manifest", "predict", "config", "info", "bench",
        "Examples:", "Exit codes: 0 done; 1 internal error; 2 bad input or usage"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
  }
}

TEST(Usage, EveryCommandHasHelpWithAnExample) {
  for (const char* command :
       {"run", "scene", "inspect", "tune", "manifest", "predict", "config", "info", "bench"}) {
    const Outcome outcome = gavotte({command, "--help"});
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_EQ(outcome.err, "") << command;
    EXPECT_NE(outcome.out.find(std::string("gavotte ") + command), std::string::npos)
        << outcome.out;
  }
}

TEST(Usage, VersionIsOneLine) {
  const Outcome outcome = gavotte({"--version"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(outcome.out.starts_with("gavotte ")) << outcome.out;
  EXPECT_EQ(outcome.out.find('\n'), outcome.out.size() - 1);
}

TEST(Usage, WrongUsageIsOneLineAndExitCodeTwo) {
  EXPECT_EQ(complaint_problem(gavotte({})), "");
  EXPECT_EQ(complaint_problem(gavotte({"dance"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"info", "--no-such-option"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"info", "left over"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"info", "--json"})), "");
}

TEST(Usage, WrongUsageSaysWhereTheHelpIs) {
  const Outcome outcome = gavotte({"info", "--no-such-option"});
  EXPECT_NE(outcome.err.find("--no-such-option"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("'gavotte info --help'"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace gavotte::test
