// gavotte predict, and what gavotte manifest writes for it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/small_files.h"
#include "gavotte/predict.h"

namespace gavotte::test {
namespace {

using nlohmann::json;

/// A network, three scans and a manifest that is calibrated on them.
struct Calibrated {
  TemporaryFolder folder;
  std::string network = folder.write("small.gavotte", small_network_bytes());
  std::vector<std::string> scans;
  std::string manifest = folder.file("m.json");
  Outcome made;

  Calibrated() {
    std::vector<std::string> arguments = {"manifest", network};
    for (const int points : {500, 1000, 2000}) {
      scans.push_back(folder.write(std::to_string(points) + ".bin", kitti_bytes(points)));
      arguments.push_back(scans.back());
    }
    for (const char* option :
         {"--threads", "2", "--rounds", "2", "--warmup", "0", "--sweep-threads", "-o"})
      arguments.emplace_back(option);
    arguments.push_back(manifest);
    made = gavotte(arguments);
  }
  Outcome predict(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"predict", manifest});
    return gavotte(arguments);
  }
};

TEST(PredictCommand, AsksWhatSeveralScansWereMeasuredFor) {
  const Calibrated calibrated;
  ASSERT_EQ(calibrated.made.code, 0) << calibrated.made.err;
  const Manifest manifest = Manifest::load(calibrated.manifest);
  EXPECT_EQ(manifest.run.predict.scans.v, 3);
  ASSERT_EQ(manifest.launches[0].sm_budget.size(), 2u);
  const Predictor predictor(manifest);

  const Outcome counts = calibrated.predict({"--voxels", "100:200", "--json", "-", "--launches"});
  ASSERT_EQ(counts.code, 0) << counts.err;
  const json report = json::parse(counts.out);
  EXPECT_EQ(report["level"], 0.75);
  const json& entry = report["predictions"][0];
  EXPECT_DOUBLE_EQ(entry["high_us"].get<double>(), predictor.of_voxels(100, 200).high_us);
  ASSERT_EQ(entry["launches"].size(), manifest.launches.size());
  EXPECT_EQ(entry["launches"][1]["key"], manifest.launches[1].kernel.key);
  EXPECT_DOUBLE_EQ(entry["launches"][1]["us"].get<double>(), predictor.of_voxels(100, 200, 1).us);

  const Outcome points = calibrated.predict({"--points", "500"});
  EXPECT_EQ(points.code, 0) << points.err;
  for (const char* word : {"500 points", "75 %", "low", "high"})
    EXPECT_NE(points.out.find(word), std::string::npos) << word << " in:\n" << points.out;
  EXPECT_EQ(points.out.find("outside"), std::string::npos);
  EXPECT_NE(calibrated.predict({"--points", "90000"}).out.find("outside"), std::string::npos);

  // The first scan is the one that the manifest is of: its symbols are those that are counted.
  const Outcome scan = calibrated.predict({calibrated.network, calibrated.scans[0], "--json", "-"});
  ASSERT_EQ(scan.code, 0) << scan.err;
  std::map<std::string, std::int64_t> sizes;
  for (const auto& [name, value] : manifest.run.symbols)
    if (name != "points") sizes[name] = *value.v;
  const json of_scan = json::parse(scan.out)["predictions"][0];
  EXPECT_DOUBLE_EQ(of_scan["us"].get<double>(), predictor.of_sizes(sizes).us);
  EXPECT_EQ(of_scan["inside"], true);
}

TEST(PredictCommand, SaysWhatIsWrong) {
  const Calibrated calibrated;
  ASSERT_EQ(calibrated.made.code, 0) << calibrated.made.err;
  const auto problem = [&](std::vector<std::string> arguments) {
    return complaint_problem(calibrated.predict(std::move(arguments)));
  };
  EXPECT_EQ(problem({}), "");
  EXPECT_EQ(problem({"--voxels", "5", "--points", "5"}), "");
  EXPECT_EQ(problem({"--voxels", "5", calibrated.network, calibrated.scans[0]}), "");
  EXPECT_EQ(problem({calibrated.network}), "");
  EXPECT_EQ(problem({"--voxels", "5", "--voxel-size", "1"}), "");
  EXPECT_EQ(problem({"sparse_resnet21d", calibrated.scans[0]}), "");
  EXPECT_EQ(problem({calibrated.network, calibrated.folder.file("none.bin")}), "");
  for (const char* count :
       {"", "-1", "x", "5:", ":5", "6:5", "1:2:3", "5 ", "99999999999999999999"})
    EXPECT_EQ(problem({"--voxels", count}), "") << count;
  const auto no_manifest = [&](const std::string& text) {
    return complaint_problem(
        gavotte({"predict", calibrated.folder.write("bad.json", text), "--voxels", "5"}));
  };
  EXPECT_EQ(no_manifest(""), "");
  EXPECT_EQ(no_manifest("{}"), "");
  Manifest plain = Manifest::load(calibrated.manifest);
  plain.run.predict = {};
  EXPECT_EQ(no_manifest(plain.to_json()), "");
  EXPECT_EQ(
      complaint_problem(gavotte({"predict", calibrated.folder.file("none"), "--voxels", "5"})), "");
}

}  // namespace
}  // namespace gavotte::test
