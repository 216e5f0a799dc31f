// gavotte predict, and what gavotte manifest writes for it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/small_files.h"
#include "gavotte/estimate.h"
#include "gavotte/predict.h"

namespace gavotte::test {
namespace {

using nlohmann::json;

const char* const kGpu =
    R"({"format": 1, "name": "Made-up GPU", "source": "a test", "compute_capability": [9, 0], "units": 10,
        "clock_mhz": null, "memory_clock_mhz": null, "gflops": 1000, "tensor_gflops": null,
        "dram_gb_per_s": 100})";

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

TEST(PredictCommand, EstimatesWhatWasNotMeasured) {
  const TemporaryFolder folder;
  const std::string description = folder.write("gpu.json", kGpu);
  const Outcome counts = gavotte({"predict", "sparse_resnet21d", "--device-description",
                                  description, "--voxels", "100:200", "--launches", "--json", "-"});
  ASSERT_EQ(counts.code, 0) << counts.err;
  const json report = json::parse(counts.out);
  EXPECT_EQ(report["source"], "roofline");
  EXPECT_EQ(report["device"], "Made-up GPU");
  const json& entry = report["predictions"][0];
  EXPECT_TRUE(entry["high_us"].is_null());
  const Estimator estimator = Estimator::of_description(sparse_resnet21d(4, 20), description);
  EXPECT_DOUBLE_EQ(entry["us"].get<double>(), estimator.of_voxels(100, 200).run.us);
  EXPECT_EQ(entry["layers"].size(), estimator.of_voxels(100, 200).parts.size());

  std::vector<std::string> scans;
  for (const int points : {500, 1000, 2000})
    scans.push_back(folder.write(std::to_string(points) + ".bin", kitti_bytes(points)));
  const std::string config = GAVOTTE_SHIPPED_CONFIG;
  const auto estimate = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"predict", "sparse_resnet21d", "--config",
                                          config,    "--threads",        "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return gavotte(arguments);
  };
  const Outcome text = estimate({"--points", "800"});
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* word :
       {"800 points", "nothing of this network was measured", "ratios of procedural scenes"})
    EXPECT_NE(text.out.find(word), std::string::npos) << word << " in:\n" << text.out;
  const Outcome of_scans =
      estimate({scans[0], scans[1], scans[2], "--points", "800", "--json", "-"});
  ASSERT_EQ(of_scans.code, 0) << of_scans.err;
  EXPECT_NE(json::parse(of_scans.out)["sizes_from"].get<std::string>().find("3 scans"),
            std::string::npos);
  const Outcome of_one = estimate({scans[0], "--voxel-size", "0.2", "--json", "-"});
  ASSERT_EQ(of_one.code, 0) << of_one.err;
  EXPECT_EQ(json::parse(of_one.out)["predictions"][0]["of"], scans[0]);
}

TEST(PredictCommand, SaysWhatIsWrongWithAnEstimate) {
  const TemporaryFolder folder;
  const std::string gpu = folder.write("gpu.json", kGpu),
                    scan = folder.write("s.bin", kitti_bytes(500));
  const auto problem = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "predict");
    return complaint_problem(gavotte(arguments));
  };
  const std::string net = "sparse_resnet21d", config = GAVOTTE_SHIPPED_CONFIG;
  EXPECT_EQ(problem({net, "--config", config}), "");
  EXPECT_EQ(problem({net, "--config", config, "--device-description", gpu, "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, "--config", config, "--voxels", "5", "--points", "5"}), "");
  EXPECT_EQ(problem({net, scan, "--config", config, "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, scan, scan, "--config", config, "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, "--config", "", "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, "--device-description", "", "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, "--config", folder.file("none"), "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, "--config", gpu, "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, "--config", config, "--voxels", "5", "--dtype", "float64"}), "");
  EXPECT_EQ(problem({net, "--config", config, "--voxels", "5", "--dtype", "int8"}), "");
  EXPECT_EQ(problem({net, "--config", config, "--voxels", "5", "--threads", "7"}), "");
  EXPECT_EQ(problem({net, "--config", config, "--voxels", "5", "--voxel-size", "1"}), "");
  EXPECT_EQ(problem({net, "--config", config, "--voxels", "9999999999999"}), "");
  EXPECT_EQ(problem({net, "--device-description", gpu, "--voxels", "5", "--threads", "2"}), "");
  EXPECT_EQ(problem({net, "--device-description", config, "--voxels", "5"}), "");
  EXPECT_EQ(problem({net, "--device-description", folder.file("none"), "--voxels", "5"}), "");
  EXPECT_EQ(problem({folder.file("no network"), "--config", config, "--voxels", "5"}), "");
  for (const char* count : {"", "-1", "x", "6:5", "99999999999999999999"})
    EXPECT_EQ(problem({net, "--config", config, "--voxels", count}), "") << count;
  std::string no_peaks = kGpu;
  no_peaks.replace(no_peaks.find("1000"), 4, "null");
  EXPECT_EQ(
      problem({net, "--device-description", folder.write("n.json", no_peaks), "--voxels", "5"}),
      "");
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
  for (const char* option : {"--channels", "--classes", "--seed", "--threads"})
    EXPECT_EQ(problem({"--voxels", "5", option, "4"}), "") << option;
  EXPECT_EQ(problem({"--voxels", "5", "--dtype", "float32"}), "");
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
