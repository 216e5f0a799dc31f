// gavotte config.
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/process.h"
#include "cli/tuned_files.h"

namespace gavotte::test {
namespace {

class ConfigCommand : public ::testing::Test {
 protected:
  TemporaryFolder folder_;

  std::string saved(const std::string& name, const DeviceConfig& config) const {
    const std::string path = folder_.file(name);
    config.save(path);
    return path;
  }
};

void expect_words(const Outcome& outcome, std::initializer_list<const char*> words) {
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  for (const char* word : words)
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
}

TEST_F(ConfigCommand, ShowPrintsDeviceVersionAndTablesWithUnits) {
  const std::string path = saved("device.json", small_config());
  expect_words(gavotte({"config", "show", path}), {"device.json: written by gavotte ",
                                                   "Made-up CPU (AVX9): 8 cores",
                                                   "1.0 MiB",
                                                   "3000 MHz",
                                                   "layers",
                                                   "16 -> 32",
                                                   "40,000",
                                                   "200,000",
                                                   "1.80",
                                                   "1.50",
                                                   "1.20x",
                                                   "2.0",
                                                   "tile_indirect, tile_rows 256",
                                                   "kernel maps",
                                                   "2x2x2 s2 strided",
                                                   "2.00x",
                                                   "column_walk, query_tile 1024",
                                                   "cost model",
                                                   "ns a unit",
                                                   "0.5, 2.25",
                                                   "8.0"});
}

TEST_F(ConfigCommand, ShowTakesSeveralFilesAndAnEmptyOne) {
  const std::string full = saved("full.json", small_config());
  const std::string empty = saved("empty.json", DeviceConfig(made_up_cpu()));
  expect_words(gavotte({"config", "show", full, empty}),
               {"full.json: ", "empty.json: ", "no entries"});
}

TEST_F(ConfigCommand, ShowSendsNoControlCharactersOfAFileToTheTerminal) {
  DeviceIdentity device = made_up_cpu();
  device.name = "evil\x1b]0;title\x07\xc2\x9b";
  DeviceConfig config(device);
  TunedLayer layer = tuned_layer(16, 100, 0);
  layer.kind.kernel = "3\x1b[2J\nx";
  config.put(layer);
  const std::string path = saved("device.json", config);
  for (const char* command : {"show", "validate"}) {
    const Outcome outcome = gavotte({"config", command, path});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const auto steers = [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; };
    EXPECT_TRUE(std::none_of(outcome.out.begin(), outcome.out.end(), steers)) << outcome.out;
    EXPECT_EQ(outcome.out.find("\xc2\x9b"), std::string::npos);
  }
}

TEST_F(ConfigCommand, DiffTellsEntriesOfOneFileAndOtherConfigs) {
  DeviceConfig first = small_config();
  DeviceConfig second = small_config();
  first.put(tuned_layer(64, 1000, 0));
  second.put(tuned_layer(16, 40001, 512));  // of the same size bucket
  second.put(tuned_map(200, 4096));
  const Outcome outcome =
      gavotte({"config", "diff", saved("a.json", first), saved("b.json", second)});
  expect_words(outcome,
               {"only in the first", "only in the second", "config differs", "64->32", "40,001",
                "tile_indirect, tile_rows 256", "tile_indirect, tile_rows 512", "1.50"});
  EXPECT_EQ(outcome.out.find("cost models differ"), std::string::npos);
  EXPECT_EQ(outcome.out.find("devices differ"), std::string::npos);
  const auto rows = std::count(outcome.out.begin(), outcome.out.end(), '\n');
  EXPECT_EQ(rows, 9) << outcome.out;  // two names, a blank, three of the head, three entries
}

TEST_F(ConfigCommand, DiffOfEqualEntriesSaysSoAndNamesOtherDevices) {
  const std::string a = saved("a.json", small_config());
  DeviceConfig other = small_config();
  TunedLayer timed_again = tuned_layer(16, 40000, 256);
  timed_again.measured.ms = 1.4;
  other.put(timed_again);
  const Outcome same = gavotte({"config", "diff", a, saved("b.json", other)});
  expect_words(same, {"no entry differs"});
  DeviceIdentity device = made_up_cpu();
  device.name = "Another CPU";
  expect_words(gavotte({"config", "diff", a, saved("c.json", DeviceConfig(device))}),
               {"devices differ: Made-up CPU (AVX9) and Another CPU (AVX9)", "cost models differ",
                "only in the first"});
}

TEST_F(ConfigCommand, MergeLetsLaterFilesWin) {
  DeviceConfig newer(made_up_cpu());
  newer.put(tuned_layer(16, 40001, 512));
  newer.put(tuned_layer(64, 1000, 0));
  const std::string a = saved("a.json", small_config());
  const std::string b = saved("b.json", newer);
  const std::string out = folder_.file("out.json");
  expect_words(gavotte({"config", "merge", a, b, "-o", out}),
               {"out.json: layers 2, maps 1, cost model 1 of 2 files"});
  DeviceConfig expected = small_config();
  expected.merge(newer);
  EXPECT_EQ(DeviceConfig::load(out), expected);
  // The output may be an input.
  expect_words(gavotte({"config", "merge", b, a, "-o", a}), {"layers 2"});
  DeviceConfig reversed = newer;
  reversed.merge(small_config());
  EXPECT_EQ(DeviceConfig::load(a), reversed);
  EXPECT_NE(reversed, expected);
}

TEST_F(ConfigCommand, MergeRefusesOtherDevicesAndWritesNothing) {
  DeviceIdentity device = made_up_cpu();
  device.target = "AVX10";
  const std::string a = saved("a.json", small_config());
  const std::string b = saved("b.json", DeviceConfig(device));
  const Outcome outcome = gavotte({"config", "merge", a, b, "-o", folder_.file("out.json")});
  EXPECT_EQ(complaint_problem(outcome), "");
  for (const char* word : {"b.json", "AVX9", "AVX10"})
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(folder_.file("out.json")));
  EXPECT_EQ(
      complaint_problem(gavotte({"config", "merge", a, a, "-o", folder_.file("no/such.json")})),
      "");
}

TEST_F(ConfigCommand, ValidateChecksAllFilesAndTellsEachInOneLine) {
  const std::string good = saved("good.json", small_config());
  const std::string bad = folder_.write("bad.json", "{}");
  const std::string worse = folder_.write("worse.json", "[");
  expect_words(gavotte({"config", "validate", good}),
               {"good.json: valid, layers 1, maps 1, cost model 1, for Made-up CPU (AVX9)\n"});
  const Outcome outcome =
      gavotte({"config", "validate", bad, good, worse, folder_.file("none.json"), good});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2) << outcome.out;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 3) << outcome.err;
  for (const char* name : {"bad.json", "worse.json", "none.json"})
    EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
}

TEST_F(ConfigCommand, WrongUsageIsOneLine) {
  const std::string a = saved("a.json", small_config());
  EXPECT_EQ(complaint_problem(gavotte({"config"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "dance"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "show"})), "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "diff", a})), "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "diff", a, a, a})), "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "merge", a, a})), "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "merge", a, "-o", folder_.file("b.json")})), "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "show", folder_.path().string()})), "");
}

}  // namespace
}  // namespace gavotte::test
