// gavotte info.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace gavotte::test {
namespace {

TEST(InfoCommand, NamesVersionMachineAndLibraries) {
  const Outcome outcome = gavotte({"info"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const char* word : {"gavotte ", "compiler", "CPU features", "SIMD target", "devices",
                           "Open3D", "libxsmm", "tuning report"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
  }
}

TEST(InfoCommand, JsonOnStandardOutputIsAllThatIsPrinted) {
  const Outcome outcome = gavotte({"info", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto info = nlohmann::json::parse(outcome.out);
  EXPECT_GE(info.at("cpu").at("threads").get<int>(), 1);
  EXPECT_FALSE(info.at("cpu").at("simd").get<std::string>().empty());
  EXPECT_EQ(info.at("devices").at(0), "cpu");
  // Either there is a GPU, or the reason why there is none.
  EXPECT_EQ(info.at("devices").size() > 1, info.at("no_cuda_because").is_null());
  EXPECT_FALSE(info.at("version").get<std::string>().empty());
  EXPECT_FALSE(info.at("build").at("compiler").get<std::string>().empty());
}

TEST(InfoCommand, SaysWhyThereIsNoGpu) {
  const auto info = nlohmann::json::parse(gavotte({"info", "--json", "-"}).out);
  const std::string text = gavotte({"info"}).out;
  const auto& why = info.at("no_cuda_because");
  if (why.is_null())
    EXPECT_EQ(text.find("no GPU"), std::string::npos) << text;
  else
    EXPECT_NE(text.find("no GPU          " + why.get<std::string>()), std::string::npos) << text;
}

TEST(InfoCommand, JsonFileComesBesideTheText) {
  const TemporaryFolder folder;
  const Outcome outcome = gavotte({"info", "--json", "info.json"}, folder.path());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_FALSE(outcome.out.empty());
  EXPECT_TRUE(nlohmann::json::parse(read_file(folder.file("info.json"))).contains("libraries"));
}

TEST(InfoCommand, FolderThatDoesNotExistIsBadInput) {
  EXPECT_EQ(complaint_problem(gavotte({"info", "--json", "/nowhere/at/all.json"})), "");
}

}  // namespace
}  // namespace gavotte::test
