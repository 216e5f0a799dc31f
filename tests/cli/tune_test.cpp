// gavotte tune.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/small_files.h"
#include "cli/tuned_files.h"

namespace gavotte::test {
namespace {

using Json = nlohmann::json;

class TuneCommand : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::string network_ = folder_.write("small.gavotte", small_network_bytes());
  const std::string scan_ = folder_.write("scan.bin", kitti_bytes(300));
  const std::string device_ = folder_.file("device.json");

  std::vector<std::string> words(std::vector<std::string> more) const {
    std::vector<std::string> all = {"tune", network_,    scan_, "--device", "cpu",  "--budget",
                                    "20s",  "--threads", "1",   "-o",       device_};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome tune(std::vector<std::string> more = {}) const { return gavotte(words(std::move(more))); }
};

TEST_F(TuneCommand, WritesAFileThatConfigShowsAndPrintsATable) {
  const Outcome outcome = tune();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  for (const char* word :
       {"small.gavotte on ", "float32, threads 1", "layer", "3x3x3 s1 submanifold", "default",
        "tuned", "gain", "padding", "kernel map", "device.json: gain"})
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
  const DeviceConfig config = DeviceConfig::load(device_);
  EXPECT_EQ(config.device(), DeviceIdentity::of(Device::cpu()));
  EXPECT_EQ(config.layers().size(), 3U);  // the linear layer is a 1x1x1 convolution
  EXPECT_EQ(config.maps().size(), 1U);
  EXPECT_EQ(gavotte({"config", "validate", device_}).code, 0);
}

TEST_F(TuneCommand, WhatTheFileHoldsIsNotTimedAgainUnlessAsked) {
  ASSERT_EQ(tune().code, 0);
  const auto report = Json::parse(tune({"--json", "-"}).out);
  EXPECT_EQ(report.at("timed"), 0);
  for (const Json& layer : report.at("layers")) {
    EXPECT_TRUE(layer.at("from_file"));
    EXPECT_TRUE(layer.at("candidates").empty());
  }
  EXPECT_NE(report.at("notes").dump().find("--again"), std::string::npos);
  const auto again = Json::parse(tune({"--json", "-", "--again"}).out);
  EXPECT_EQ(again.at("timed"), 4);
}

TEST_F(TuneCommand, ForwardAndBackwardAndNoMaps) {
  const Outcome outcome =
      tune({"--direction", "forward,backward", "--no-maps", "--dtype", "bfloat16", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = Json::parse(outcome.out);
  EXPECT_TRUE(report.at("maps").empty());
  std::map<std::string, int> directions;
  for (const Json& layer : report.at("layers")) {
    ++directions[layer.at("direction")];
    EXPECT_EQ(layer.at("dtype"), "bfloat16");
    EXPECT_EQ(layer.at("threads"), 1);
    int winners = 0, defaults = 0;
    for (const Json& candidate : layer.at("candidates")) {
      winners += candidate.at("verdict") == "winner" ? 1 : 0;
      defaults += candidate.at("default").get<bool>() ? 1 : 0;
      EXPECT_NE(candidate.at("verdict"), "wrong") << layer.dump(2);
    }
    EXPECT_EQ(winners, 1) << layer.dump(2);
    EXPECT_EQ(defaults, 1);
  }
  EXPECT_EQ(directions, (std::map<std::string, int>{{"dgrad", 3}, {"forward", 3}, {"wgrad", 3}}));
}

TEST_F(TuneCommand, LayerListOnAScan) {
  const Outcome outcome = gavotte({"tune", "--layers", scan_, "--device", "cpu", "--budget", "30s",
                                   "--voxel-size", "0.5", "-o", device_, "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = Json::parse(outcome.out);
  EXPECT_EQ(report.at("scans").size(), 1U);
  std::map<std::string, int> kernels;
  for (const Json& layer : report.at("layers")) ++kernels[layer.at("kernel")];
  EXPECT_EQ(kernels, (std::map<std::string, int>{{"3x3x3 s1 submanifold", 9},
                                                 {"2x2x2 s2 strided", 1},
                                                 {"2x2x2 s2 transposed", 1},
                                                 {"3x3x3 s2 strided", 1},
                                                 {"5x5x5 s1 submanifold", 1}}));
  EXPECT_EQ(report.at("maps").size(), 4U);
}

TEST_F(TuneCommand, CtrlCKeepsWhatWasFound) {
  // Many layers, so that the signal comes in the middle.
  const std::string scan = folder_.write("large.bin", kitti_bytes(2000));
  const Outcome outcome = gavotte_interrupted(
      {"tune", "sparse_resnet21d", scan, "--device", "cpu", "--budget", "20s", "-o", device_},
      device_);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("Stopped by Ctrl-C: what was found is in"), std::string::npos)
      << outcome.out;
  EXPECT_FALSE(DeviceConfig::load(device_).empty());
}

TEST_F(TuneCommand, ReportIsAPageOrSaysWhatToInstall) {
  const std::string page = folder_.file("report.html");
  const auto info = Json::parse(gavotte({"info", "--json", "-"}).out);
  const Outcome outcome = tune({"--report", page});
  if (!info.at("libraries").at("report").get<bool>()) {
    EXPECT_EQ(complaint_problem(outcome), "");
    EXPECT_NE(outcome.err.find("libjs-chart.js"), std::string::npos) << outcome.err;
    return;
  }
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string text = read_file(page);
  EXPECT_TRUE(text.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(text.find("Chart.js v"), std::string::npos);
}

TEST_F(TuneCommand, BadInputIsOneLineAndWritesNothing) {
  const auto problem = [&](const std::vector<std::string>& more) {
    return complaint_problem(tune(more));
  };
  EXPECT_EQ(problem({"--budget", "soon"}), "");
  EXPECT_EQ(problem({"--direction", "sideways"}), "");
  EXPECT_EQ(problem({"--dtype", "int8"}), "");
  EXPECT_EQ(problem({"--device", "abacus"}), "");
  EXPECT_EQ(problem({"--threads", "-1"}), "");
  EXPECT_EQ(problem({"--report", folder_.file("no/such.html")}), "");
  EXPECT_EQ(problem({"--json", folder_.file("no/such.json")}), "");
  EXPECT_EQ(problem({"--layers", "--seed", "1"}), "");
  EXPECT_EQ(problem({"--crop", "90", "90", "90", "91", "91", "91"}), "");
  const auto alone = [&](std::vector<std::string> more) {
    more.insert(more.begin(), "tune");
    return complaint_problem(gavotte(more));
  };
  EXPECT_EQ(alone({network_, scan_}), "");
  EXPECT_EQ(alone({"-o", device_}), "");
  EXPECT_EQ(alone({network_, "-o", device_}), "");
  EXPECT_EQ(alone({"--layers", "--voxel-size", "0.1", "-o", device_}), "");
  EXPECT_EQ(alone({"--layers", folder_.file("none.bin"), "-o", device_}), "");
  EXPECT_EQ(alone({folder_.file("none.gavotte"), scan_, "-o", device_}), "");
  EXPECT_EQ(alone({network_, scan_, "-o", folder_.file("no/device.json")}), "");
  EXPECT_FALSE(std::filesystem::exists(device_));
}

TEST_F(TuneCommand, AFileOfOthersStaysAsItIs) {
  for (const std::string& text :
       {small_config().to_json(), std::string("{\"format\": 2}"), std::string("my notes")}) {
    folder_.write("device.json", text);
    EXPECT_EQ(complaint_problem(tune()), "");
    EXPECT_EQ(complaint_problem(tune({"--again"})), "");
    EXPECT_EQ(read_file(device_), text);
  }
}

}  // namespace
}  // namespace gavotte::test
