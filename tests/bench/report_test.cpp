// The program itself: what it writes has the rows and the fields that others read.
#include "report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "compare.h"

namespace gavotte::bench {
namespace {

nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

TEST(BenchProgram, WritesARowForEachThingMeasured) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "gavotte_bench_test";
  std::filesystem::remove_all(folder);
  const std::string command = std::string(GAVOTTE_BENCH) +
                              " --scene-set tiny --rounds 1 --operations map --threads 1 2 -o '" +
                              folder.string() + "' > /dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);  // builders unequal to the hash map make it fail
  const nlohmann::json rows = read_json(folder / "report.json");
  ASSERT_TRUE(rows.is_array());
  EXPECT_EQ(rows.size(), 2U * 2U * 5U);  // scenes, numbers of threads, libraries
  for (const nlohmann::json& row : rows) {
    EXPECT_TRUE(row.at("scene").is_string());
    EXPECT_EQ(row.at("operation"), "map_step");
    EXPECT_TRUE(row.at("layer").is_string());
    EXPECT_TRUE(row.at("dtype").is_string());
    EXPECT_TRUE(row.at("threads") == 1 || row.at("threads") == 2);
    EXPECT_TRUE(row.at("library").is_string());
    EXPECT_GT(row.at("median_ms").get<double>(), 0);
    EXPECT_GT(row.at("ratio").get<double>(), 0);
    EXPECT_EQ(row.at("ratio_to"), "hash_map");
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "report.md"));
  std::filesystem::remove_all(folder);
}

TEST(BenchProgram, MeasuresJobsThatShareCores) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "gavotte_bench_sharing_test";
  std::filesystem::remove_all(folder);
  const std::string command = std::string(GAVOTTE_BENCH) +
                              " --scenes random_500 --rounds 1 --operations sharing"
                              " --threads 1 -o '" +
                              folder.string() + "' > /dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const nlohmann::json rows = read_json(folder / "report.json");
  ASSERT_EQ(rows.size(), 3U);
  for (const nlohmann::json& row : rows) {
    EXPECT_EQ(row.at("operation"), "sharing");
    EXPECT_GE(row.at("hits").get<double>(), 0);
    EXPECT_LE(row.at("p50").get<double>(), row.at("p99").get<double>());
  }
  EXPECT_EQ(rows[0].at("way"), "alone");
  EXPECT_EQ(rows[0].at("throughput"), 0);
  EXPECT_EQ(rows[0].at("arrivals"), 10);
  EXPECT_EQ(rows[2].at("way"), "evicting");
  EXPECT_GT(rows[2].at("throughput").get<double>(), 0);
  std::filesystem::remove_all(folder);
}

TEST(BenchProgram, MeasuresLayersAndNetworks) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "gavotte_bench_forward_test";
  std::filesystem::remove_all(folder);
  const std::string command = std::string(GAVOTTE_BENCH) +
                              " --scenes random_500 --rounds 1 --operations layers networks"
                              " --threads 1 2 -o '" +
                              folder.string() + "' > /dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const nlohmann::json rows = read_json(folder / "report.json");
  std::size_t layers = 0, gradients = 0, networks = 0;
  for (const nlohmann::json& row : rows) {
    layers += row.at("operation") == "forward";
    gradients += row.at("operation") == "wgrad" || row.at("operation") == "backward";
    networks += row.at("operation") == "network";
    if (row.at("operation") == "forward") {
      EXPECT_GE(row.at("padding").get<double>(), 1.0);
    }
  }
  EXPECT_EQ(layers, 6U * 2U * 4U);     // widths, numbers of threads, ways
  EXPECT_EQ(gradients, 6U * 2U * 4U);  // two ways, and backward beside forward
  EXPECT_EQ(networks, 2U * 2U);        // networks, numbers of threads
  std::filesystem::remove_all(folder);
}

TEST(BenchProgram, ComparesBFloat16WithFloat32) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "gavotte_bench_dtypes_test";
  std::filesystem::remove_all(folder);
  const std::string command = std::string(GAVOTTE_BENCH) +
                              " --scenes random_500 --rounds 1 --operations dtypes -o '" +
                              folder.string() + "' > /dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const nlohmann::json rows = read_json(folder / "report.json");
  std::size_t to_float32 = 0;
  for (const nlohmann::json& row : rows) {
    EXPECT_GT(row.at("ratio").get<double>(), 0);
    to_float32 += row.at("ratio_to") == "gavotte float32";
  }
  EXPECT_EQ(to_float32, 5U * 2U * 2U);   // widths, directions, dtypes
  EXPECT_GE(rows.size(), 5U * 2U * 3U);  // and float32 from registers, at the least
  std::stringstream page;
  page << std::ifstream(folder / "report.md").rdbuf();
  EXPECT_THAT(page.str(), testing::HasSubstr("| random_500 | 500 |"));  // what the scene is
  std::filesystem::remove_all(folder);
}

TEST(BenchProgram, ComparesNumbersOfThreads) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "gavotte_bench_threads_test";
  std::filesystem::remove_all(folder);
  const std::string command =
      std::string(GAVOTTE_BENCH) +
      " --scenes random_500 --rounds 1 --threads 1 3 --operations threads -o '" + folder.string() +
      "' > /dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::size_t layers = 0, peaks = 0, maps = 0, voxels = 0;
  for (const nlohmann::json& row : read_json(folder / "report.json")) {
    EXPECT_GT(row.at("ratio").get<double>(), 0);
    const std::string threads = row.at("threads") == 1 ? ", 1 thread" : ", 3 threads";
    EXPECT_EQ(row.at("library"), "gavotte" + threads);
    const bool of_peak = row.at("ratio_to") != "gavotte, 1 thread";
    if (of_peak) {
      EXPECT_EQ(row.at("ratio_to"), "registers " + row.at("dtype").get<std::string>() + threads);
    }
    if (row.at("operation") == "map_step") {
      ++maps;
    } else if (row.at("operation") == "voxelize") {
      ++voxels;
    } else {
      ++(of_peak ? peaks : layers);
    }
  }
  EXPECT_EQ(maps, 2U);  // numbers of threads
  EXPECT_EQ(voxels, 2U);
  EXPECT_EQ(layers, 2U * 5U * 3U * 2U);  // and dtypes, widths, directions
  EXPECT_GE(peaks, 5U * 3U * 2U);        // of float32 at the least
  std::filesystem::remove_all(folder);
}

TEST(BenchProgram, ComparesWhatMovesRowsWithACopy) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "gavotte_bench_rows_test";
  std::filesystem::remove_all(folder);
  const std::string command = std::string(GAVOTTE_BENCH) +
                              " --scenes random_500 --rounds 1 --threads 1 --operations rows -o '" +
                              folder.string() + "' > /dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const nlohmann::json rows = read_json(folder / "report.json");
  // Kernels, dtypes and widths of 5 poolings and 2 convolutions; 4 element-wise operations without kernels.
  EXPECT_EQ(rows.size(), 2U * 2U * 2U * 7U + 2U * 2U * 4U);
  std::size_t to_copy = 0;
  for (const nlohmann::json& row : rows) {
    EXPECT_GT(row.at("ratio").get<double>(), 0);
    to_copy += row.at("ratio_to") == "copy of as many bytes";
  }
  EXPECT_GE(to_copy, 2U * 2U * 2U * 5U + 2U * 2U * 4U);
  std::filesystem::remove_all(folder);
}

TEST(BenchProgram, RefusesAnUnknownScene) {
  const std::string command = std::string(GAVOTTE_BENCH) + " --scenes moon_3 -o '" +
                              testing::TempDir() + "gavotte_bench_moon' > /dev/null 2>&1";
  EXPECT_NE(std::system(command.c_str()), 0);
}

TEST(Compare, CallsEachContenderOnceARound) {
  int first = 0, second = 0, apart = 0;
  compare({{"first", [&] { apart = std::max(apart, std::abs(++first - second)); }},
           {"second", [&] { apart = std::max(apart, std::abs(++second - first)); }}},
          9);
  EXPECT_EQ(first, 10);  // a call beforehand and nine rounds
  EXPECT_EQ(second, 10);
  EXPECT_EQ(apart, 1);
}

TEST(Compare, CallsWhatStandsBesideBeforeAndAfter) {
  std::string calls;
  const Comparison times =
      compare({{"first", [&] { calls += 'f'; }, [&] { calls += 'w'; }, [&] { calls += 'b'; }}}, 2);
  EXPECT_EQ(calls, "fwbfbwbfb");
  EXPECT_GT(times.ratio_to_beside(0), 0);
}

TEST(Compare, AShareOfTheWorkStandsForTheWhole) {
  const auto nothing = [] {};
  const Comparison times =
      compare({{"whole", nothing, {}, nothing}, {"millionth", nothing, {}, nothing, 1e-6}}, 9);
  EXPECT_GT(times.ratio_to_beside(1),
            1000 * times.ratio_to_beside(0));  // a million times, less noise
}

TEST(Comparison, ARatioToWhatStandsBesideIsOfOneRound) {
  const Comparison times({{1, 1, 1}, {1, 2, 4}}, {{}, {0.5, 1, 1}});
  EXPECT_EQ(times.ratio_to_beside(1), 0.5);
}

TEST(Comparison, ARatioIsOfOneRound) {
  // The machine's pace doubles from round to round; the second takes half as long as the first in each but the last.
  const Comparison times(Comparison::Times{{1, 2, 4, 8, 16}, {0.5, 1, 2, 4, 32}});
  EXPECT_EQ(times.median_ms(0), 4);
  EXPECT_EQ(times.median_ms(1), 2);
  EXPECT_EQ(times.ratio(0), 1);
  EXPECT_EQ(times.ratio(1), 2);
  EXPECT_EQ(times.ratio(0, 1), 0.5);
}

TEST(Comparison, HasARowForEachContender) {
  const std::vector<Row> rows =
      rows_of({.scene = "lidar_10", .operation = "forward", .layer = "", .dtype = "", .threads = 2},
              {{"first", {}}, {"second", {}}}, Comparison(Comparison::Times{{3}, {2}}));
  ASSERT_EQ(rows.size(), 2U);
  for (const Row& row : rows) {
    EXPECT_EQ(row.scene, "lidar_10");
    EXPECT_EQ(row.operation, "forward");
    EXPECT_EQ(row.threads, 2);
    EXPECT_EQ(row.ratio_to, "first");
  }
  EXPECT_EQ(rows[1].library, "second");
  EXPECT_EQ(rows[1].median_ms, 2);
  EXPECT_EQ(rows[1].ratio, 1.5);
}

}  // namespace
}  // namespace gavotte::bench
