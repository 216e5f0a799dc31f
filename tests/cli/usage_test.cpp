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

TEST(Usage, ACommandThatIsNoneIsNamed) {
  EXPECT_NE(gavotte({"dance"}).err.find("expected one of the commands run, scene, "),
            std::string::npos);
  EXPECT_NE(gavotte({"dance"}).err.find("got 'dance'; see 'gavotte --help'"), std::string::npos);
  EXPECT_NE(gavotte({}).err.find("got none; see 'gavotte --help'"), std::string::npos);
  const std::string err = gavotte({"config", "dance"}).err;
  EXPECT_NE(err.find("show, diff, merge, validate, got 'dance'; see 'gavotte config --help'"),
            std::string::npos)
      << err;
}

TEST(Usage, AValueThatIsNoneSaysWhatWasExpected) {
  const auto complaint = [](std::vector<std::string> options) {
    std::vector<std::string> words = {"scene", "lidar", "-o", "never.bin"};
    words.insert(words.end(), options.begin(), options.end());
    return gavotte(words).err;
  };
  for (const char* value : {"-5", "0", "nan", "inf"})
    EXPECT_EQ(complaint({"--size", value}),
              std::string("gavotte: --size: expected a ") +
                  (value[0] == 'n' || value[0] == 'i' ? "whole number" : "number above 0") +
                  ", got '" + value + "'; see 'gavotte scene --help'\n");
  for (const char* value : {"1e3", "many", "7 ", "0x10", "99999999999999999999"})
    EXPECT_EQ(complaint({"--size", value}),
              std::string("gavotte: --size: expected a whole number, got '") + value +
                  "'; see 'gavotte scene --help'\n");
  EXPECT_EQ(complaint({"--frames", "0"}),
            "gavotte: --frames: expected a whole number from 1 to 10000, got '0'; see 'gavotte "
            "scene --help'\n");
  EXPECT_EQ(gavotte({"run", "street", "a.bin", "--features", ""}).err,
            "gavotte: --features: expected a value, got ''; see 'gavotte run --help'\n");
  EXPECT_EQ(gavotte({"run", "street", "a.bin", "--dtype", "int8"}).err,
            "gavotte: --dtype: expected one of float16, bfloat16, float32, float64, got 'int8'; "
            "see 'gavotte run "
            "--help'\n");
}

}  // namespace
}  // namespace gavotte::test
