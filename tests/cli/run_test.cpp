// gavotte run: what it writes and prints.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/small_files.h"
#include "cli/tuned_files.h"
#include "gavotte/datasets/readers.h"

namespace gavotte::test {
namespace {

class RunCommand : public ::testing::Test {
 protected:
  TemporaryFolder folder_;  // first: the files below lie in it
  std::string network_ = folder_.write("small.gavotte", small_network_bytes());
  std::string scan_ = folder_.write("scan.bin", kitti_bytes(2000));

  Outcome run(std::vector<std::string> more) {
    more.insert(more.begin(), "run");
    return gavotte(more, folder_.path());
  }
};

TEST_F(RunCommand, WritesALabelForEveryPointBesideTheScan) {
  const Outcome outcome = run({network_, scan_});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const LabelledPly ply = read_labelled_ply(folder_.file("scan.labels.ply"));
  EXPECT_EQ(ply.vertices, 2000);
  EXPECT_GE(*std::min_element(ply.labels.begin(), ply.labels.end()), 0);
  EXPECT_LT(*std::max_element(ply.labels.begin(), ply.labels.end()), 5);
  EXPECT_EQ(std::filesystem::exists(folder_.file("scan.png")), can_read(PointFormat::ply));
}

TEST_F(RunCommand, TableNamesLayersUnitsAndFiles) {
  const Outcome outcome = run({network_, scan_});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* word : {"stem", "head", "matches", "GFLOP/s", "MB", "ms", "total",
                           "2,000 points", "0.2 m", "x, y, z, intensity", "scan.labels.ply"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in:\n" << outcome.out;
  }
}

TEST_F(RunCommand, JsonHasEveryFieldAndIsAllThatIsPrinted) {
  const Outcome outcome = run({network_, scan_, "--json", "-", "--threads", "1"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report.at("dtype"), "float32");
  EXPECT_EQ(report.at("threads"), 1);
  EXPECT_EQ(report.at("device"), "cpu");
  const auto& scan = report.at("scans").at(0);
  EXPECT_EQ(scan.at("points"), 2000);
  EXPECT_GT(scan.at("voxels"), 0);
  EXPECT_LE(scan.at("voxels"), 2000);
  EXPECT_EQ(scan.at("features"), nlohmann::json({"x", "y", "z", "intensity"}));
  EXPECT_EQ(scan.at("classes").at(1), "car");
  std::int64_t labelled = 0;
  for (const auto& points : scan.at("class_points")) labelled += points.get<std::int64_t>();
  EXPECT_EQ(labelled, 2000);
  EXPECT_FALSE(scan.at("layers").empty());
  for (const auto& layer : scan.at("layers")) {
    for (const char* key : {"name", "op", "kernel", "voxels", "matches_per_voxel", "map_ms",
                            "compute_ms", "gflop", "gflop_per_s", "bytes"}) {
      EXPECT_TRUE(layer.contains(key)) << key << " in " << layer;
    }
    if (layer.at("kernel").get<std::string>().starts_with("3x3x3")) {
      EXPECT_GE(layer.at("padding").get<double>(), 1.0) << layer;
    }
  }
  for (const char* key : {"map_ms", "compute_ms", "total_ms", "peak_bytes", "weight_bytes",
                          "needed_bytes", "labels_file"}) {
    EXPECT_TRUE(scan.contains(key)) << key;
  }
  EXPECT_GT(scan.at("needed_bytes"), 0);
  EXPECT_GE(scan.at("peak_bytes").get<std::int64_t>() + scan.at("weight_bytes").get<std::int64_t>(),
            scan.at("needed_bytes").get<std::int64_t>());
}

TEST_F(RunCommand, LabelsAreTheSameOnEveryRunAndForEveryThreadCount) {
  std::string first;
  for (const char* threads : {"1", "2", "2", "1"}) {
    ASSERT_EQ(run({network_, scan_, "--threads", threads, "--no-picture"}).code, 0);
    const std::string labels = read_file(folder_.file("scan.labels.ply"));
    if (first.empty()) first = labels;
    EXPECT_EQ(labels, first) << threads << " threads";
  }
}

TEST_F(RunCommand, OutputFolderIsMadeAndNothingElseIsWritten) {
  const Outcome outcome = run({network_, scan_, "-o", "new/folder", "--json", "report.json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(folder_.file("new/folder/scan.labels.ply")));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("scan.labels.ply")));
  EXPECT_EQ(nlohmann::json::parse(read_file(folder_.file("report.json"))).at("scans").size(), 1U);
}

TEST_F(RunCommand, NoLabelsAndNoPictureWriteNothing) {
  ASSERT_EQ(run({network_, scan_, "--no-labels", "--no-picture"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("scan.labels.ply")));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("scan.png")));
}

TEST_F(RunCommand, ConfigIsThatOfThisDeviceUnlessAnotherIsAccepted) {
  const auto run_small = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {network_, scan_, "--threads", "1", "--no-picture"});
    return run(more);
  };
  DeviceIdentity device = DeviceIdentity::of(Device::cpu());
  DeviceConfig config(device);
  TunedLayer layer = tuned_layer(4, 1, 512);
  const auto before = nlohmann::json::parse(run_small({"--json", "-"}).out);
  EXPECT_TRUE(before.at("config").is_null());
  for (const auto& stats : before.at("scans")[0].at("layers")) {
    EXPECT_EQ(stats.at("config_source"), "default");
    if (stats.at("kernel") != layer.kind.kernel || stats.at("in_channels") != 4) continue;
    layer.kind.out_channels = stats.at("out_channels");
    layer.kind.threads = 1;
    layer.rows = stats.at("voxels");
  }
  ASSERT_GT(layer.rows, 1);
  config.put(layer);
  const std::string path = folder_.file("device.json");
  config.save(path);
  const Outcome tuned = run_small({"--config", path});
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_NE(tuned.out.find("exact: tile_indirect, tile_rows 512"), std::string::npos) << tuned.out;

  device.name += " of another make";
  DeviceConfig other(device);
  other.put(layer);
  other.save(path);
  const Outcome refused = run_small({"--config", path});
  EXPECT_EQ(complaint_problem(refused), "");
  EXPECT_NE(refused.err.find("device.json"), std::string::npos) << refused.err;
  const auto accepted =
      nlohmann::json::parse(run_small({"--config", path, "--other-device", "--json", "-"}).out);
  EXPECT_EQ(accepted.at("config"), path);
  EXPECT_NE(accepted.dump().find("\"exact\""), std::string::npos);
  EXPECT_EQ(complaint_problem(run_small({"--other-device"})), "");
  EXPECT_EQ(complaint_problem(run_small({"--config", folder_.file("none.json")})), "");
}

TEST_F(RunCommand, SeveralScansEachGetATable) {
  const std::string other =
      folder_.write("other.pcd.bin", bytes_of({1, 2, 3, 0.5F, 7, 4, 5, 6, 0.25F, 9}));
  const Outcome outcome = run({network_, scan_, other, "--no-picture"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_labelled_ply(folder_.file("other.labels.ply")).vertices, 2);
  EXPECT_EQ(read_labelled_ply(folder_.file("scan.labels.ply")).vertices, 2000);
}

TEST_F(RunCommand, DroppedPointsKeepTheirPlaceWithLabelMinusOne) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::string scan =
      folder_.write("holes.bin", bytes_of({0, 0, 0, 0, nan, 0, 0, 0, 1, 1, 1, 0, 9, 9, 9, 0}));
  const Outcome outcome =
      run({network_, scan, "--crop", "-2", "-2", "-2", "2", "2", "2", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out).at("scans").at(0);
  EXPECT_EQ(report.at("dropped").at("nonfinite"), 1);
  EXPECT_EQ(report.at("dropped").at("cropped"), 1);
  const LabelledPly ply = read_labelled_ply(folder_.file("holes.labels.ply"));
  ASSERT_EQ(ply.vertices, 4);
  EXPECT_GE(ply.labels[0], 0);
  EXPECT_EQ(ply.labels[1], -1);
  EXPECT_GE(ply.labels[2], 0);
  EXPECT_EQ(ply.labels[3], -1);
}

TEST_F(RunCommand, NonFiniteFeaturesAreCountedAndTakenAsZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::string bad = folder_.write("bad.bin", bytes_of({0, 0, 0, infinity, 1, 1, 1, 0.5F}));
  const std::string good = folder_.write("good.bin", bytes_of({0, 0, 0, 0, 1, 1, 1, 0.5F}));
  const Outcome outcome = run({network_, bad, good, "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out).at("scans").at(0).at("replaced_features"), 1);
  EXPECT_EQ(read_labelled_ply(folder_.file("bad.labels.ply")).labels,
            read_labelled_ply(folder_.file("good.labels.ply")).labels);
}

TEST_F(RunCommand, OutputAtAStrideLabelsEveryPointOfItsCell) {
  const std::string strided = folder_.write("strided.gavotte", strided_network_bytes());
  // Voxels of 1 m: the first two points share a cell of 2 m, the third is alone, on the negative
  // side.
  const std::string scan = folder_.write(
      "cells.bin", bytes_of({0.5F, 0.5F, 0.5F, 0, 1.5F, 0.5F, 0.5F, 1, -0.5F, 0.5F, 0.5F, 0}));
  const Outcome outcome = run({strided, scan, "--voxel-size", "1", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out).at("scans").at(0);
  EXPECT_EQ(report.at("voxels"), 3);
  EXPECT_EQ(report.at("layers").back().at("voxels"), 2);
  const LabelledPly ply = read_labelled_ply(folder_.file("cells.labels.ply"));
  EXPECT_EQ(ply.labels[0], ply.labels[1]);
  EXPECT_GE(*std::min_element(ply.labels.begin(), ply.labels.end()), 0);
}

TEST_F(RunCommand, PooledNetworkReportsScoresInsteadOfLabels) {
  const std::string pooled = folder_.write("pooled.gavotte", pooled_network_bytes());
  const Outcome outcome = run({pooled, scan_, "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out).at("scans").at(0);
  EXPECT_EQ(report.at("scores").size(), 5U);
  EXPECT_TRUE(report.at("labels_file").is_null());
  EXPECT_FALSE(std::filesystem::exists(folder_.file("scan.labels.ply")));
}

TEST_F(RunCommand, EveryDTypeRuns) {
  for (const char* dtype : {"float16", "bfloat16", "float32", "float64"}) {
    const Outcome outcome = run({network_, scan_, "--dtype", dtype, "--no-picture", "--json", "-"});
    ASSERT_EQ(outcome.code, 0) << dtype << ": " << outcome.err;
    EXPECT_EQ(nlohmann::json::parse(outcome.out).at("dtype"), dtype);
  }
}

TEST_F(RunCommand, TakesTheFeaturesThatTheNetworkStates) {
  const std::string named = folder_.write("named.gavotte", named_features_network_bytes());
  const auto features = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {named, scan_, "--json", "-"});
    return nlohmann::json::parse(run(more).out).at("scans").at(0).at("features");
  };
  EXPECT_EQ(features({}), nlohmann::json({"one", "z", "intensity"}));
  EXPECT_EQ(features({"--features", "x,y,z"}), nlohmann::json({"x", "y", "z"}));
}

TEST_F(RunCommand, ScoresAgainstTheLabelsOfTheScan) {
  ASSERT_EQ(run({network_, scan_}).code, 0);
  const LabelledPly ply = read_labelled_ply(folder_.file("scan.labels.ply"));
  std::string truth(ply.labels.size() * sizeof(std::int32_t), '\0');
  std::memcpy(truth.data(), ply.labels.data(), truth.size());
  folder_.write("scan.label", truth);  // what the network itself says: a score of 1
  const Outcome outcome = run({network_, scan_, "--score"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("mIoU 100.0 %"), std::string::npos) << outcome.out;
  const auto report = nlohmann::json::parse(run({network_, scan_, "--score", "--json", "-"}).out);
  EXPECT_EQ(report.at("scans").at(0).at("score").at("points"), 2000);
}

TEST_F(RunCommand, ScoreWithoutLabelsIsAnError) {
  EXPECT_EQ(complaint_problem(run({network_, scan_, "--score"})), "");
  const std::string pooled = folder_.write("pooled.gavotte", pooled_network_bytes());
  EXPECT_EQ(complaint_problem(run({pooled, scan_, "--score"})), "");
}

TEST_F(RunCommand, BuiltInNetworkSaysThatItIsNotTrained) {
  const Outcome outcome =
      run({"sparse_resnet21d", scan_, "--classes", "3", "--rounds", "2", "--warmup", "1"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("not trained"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("median of 2 rounds after 1"), std::string::npos) << outcome.out;
  EXPECT_EQ(read_labelled_ply(folder_.file("scan.labels.ply")).vertices, 2000);
}

}  // namespace
}  // namespace gavotte::test
