// Times of networks that were not measured: worked out by hand from a made-up config and a made-up GPU.
#include "gavotte/estimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "gavotte/predict.h"
#include "manifest/profiled.h"

namespace gavotte {
namespace {

using test::expect_says;
using test::make_voxels;
using test::small_network;

/// 16 -> 32 channels, 3x3x3, then 32 -> 8 at half the resolution.
Network two_layers() {
  NetworkBuilder net(3, 1);
  const std::string first = net.convolution("first", net.input(16), 32, ConvSpec::submanifold(3));
  return net.build(net.convolution("second", first, 8, ConvSpec::strided(2, 2)));
}
const std::map<std::string, std::int64_t> kSizes = {
    {"N_in", 1000}, {"N_1", 400}, {"N_out", 400}, {"pairs_0", 5000}, {"pairs_1", 1000}};
constexpr double kFirstFlop = 2.0 * 5000 * 16 * 32, kSecondFlop = 2.0 * 1000 * 32 * 8;

/// 2 ns an operation on one thread, 1 us for a map of 1000 rows and pairs; `off`: of nine tuned layers, how much longer they
/// took than that.
DeviceConfig made_up_config(double off = 0.25) {
  DeviceIdentity device;
  device.name = "Made-up CPU";
  device.target = "none";
  device.units = 4;
  DeviceConfig config(device);
  CostFit fit;
  fit.threads = 1;
  fit.ns = {0, 2, 0, 0, 0, 0, 0};
  fit.samples = 20;
  config.put(fit);
  fit.dataflow = Dataflow::dense_gemm;
  config.put(fit);
  for (int i = 0; i < 9; ++i) {
    TunedLayer layer;
    layer.kind = {.kernel = "3x3x3 s1 submanifold", .in_channels = 8, .out_channels = 4 + i};
    layer.rows = 100;
    layer.pairs = 500;
    layer.measured.ms = 2.0 * 500 * 8 * (4 + i) * 2e-6 * (1 + off);
    config.put(layer);
  }
  for (const char* kernel : {"3x3x3 s1 submanifold", "2x2x2 s2 strided"}) {
    TunedMap map;
    map.kind = {kernel, 1};
    map.rows = 400;
    map.pairs = 600;
    map.measured.ms = 1e-3;
    config.put(map);
  }
  return config;
}

class GpuFile {
 public:
  explicit GpuFile(const std::string& peaks) {
    std::ofstream(path) << R"({"format": 1, "name": "Made-up GPU", "source": "a test",
      "compute_capability": [9, 0], "units": 10, "clock_mhz": null, "memory_clock_mhz": null, )"
                        << peaks << "}";
  }
  ~GpuFile() { std::filesystem::remove(path); }
  const std::string path =
      (std::filesystem::temp_directory_path() /
       ("estimate_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "_" +
        ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".json"))
          .string();
};
const std::string kPeaks = R"("gflops": 1000, "tensor_gflops": 8000, "dram_gb_per_s": 100)";

const EstimatedTime& part(const EstimatedRun& run, const std::string& layer,
                          const std::string& op) {
  const auto found =
      std::find_if(run.parts.begin(), run.parts.end(),
                   [&](const EstimatedTime& time) { return time.layer == layer && time.op == op; });
  if (found == run.parts.end()) throw std::runtime_error("no part " + layer + " " + op);
  return *found;
}

void expect_sum(const EstimatedRun& run) {
  double us = 0, low = 0;
  for (const EstimatedTime& time : run.parts) {
    EXPECT_LE(time.low_us, time.us) << time.layer << " " << time.op;
    EXPECT_LE(time.us, time.high_us) << time.layer << " " << time.op;
    EXPECT_FALSE(time.how.empty());
    us += time.us;
    low += time.low_us;
  }
  EXPECT_NEAR(run.run.us, us, 1e-9 * us);
  EXPECT_NEAR(run.run.low_us, low, 1e-9 * low);
}

TEST(Estimator, CountsUnitsOfTheCostModel) {
  const Estimator estimator = Estimator::of_config(two_layers(), made_up_config(), {.threads = 1});
  EXPECT_EQ(estimator.source(), EstimateSource::cost_model);
  EXPECT_EQ(name(estimator.source()), "cost_model");
  EXPECT_EQ(estimator.device(), "Made-up CPU");
  EXPECT_EQ(estimator.symbols(),
            (std::vector<std::string>{"N_1", "N_in", "N_out", "pairs_0", "pairs_1"}));
  const EstimatedRun run = estimator.of_sizes(kSizes);
  expect_sum(run);
  EXPECT_EQ(run.parts.size(), 6u);  // input, two maps, two layers, return
  const EstimatedTime& first = part(run, "first", "convolution");
  EXPECT_NEAR(first.us, kFirstFlop * 2e-3, 1e-6);
  EXPECT_NEAR(part(run, "second", "convolution").us, kSecondFlop * 2e-3, 1e-6);
  EXPECT_NEAR(first.high_us, first.us * 1.25, 1e-6);  // nine entries in nine were as far off
  EXPECT_NEAR(first.low_us, first.us / 1.25, 1e-6);
  EXPECT_NE(first.how.find("nine in ten of its 9 tuned layers"), std::string::npos) << first.how;
  EXPECT_NEAR(part(run, "first", "map").us, 8 * 6.0, 1e-9);   // 1000 rows and 5000 pairs
  EXPECT_NEAR(part(run, "second", "map").us, 8 * 1.4, 1e-9);  // 400 and 1000
}

TEST(Estimator, OfNetworksWithEveryOperation) {
  for (const Network& network : {small_network(), sparse_res_unet42(4, 20)}) {
    const Estimator estimator = Estimator::of_config(network, made_up_config(), {.threads = 1});
    const EstimatedRun run = estimator.of_voxels(1000, 1000);
    expect_sum(run);
    EXPECT_GT(run.run.low_us, 0);
    EXPECT_TRUE(std::isfinite(run.run.high_us));
    const Executor executor(network, {.threads = 1});
    const auto plan = executor.plan();
    EXPECT_GT(run.parts.size(),
              static_cast<std::size_t>(std::count(plan.begin(), plan.end(), '\n')));
  }
}

TEST(Estimator, MoreVoxelsTakeLongerAndRangesHoldTheirEnds) {
  const Estimator estimator = Estimator::of_config(two_layers(), made_up_config(), {.threads = 1});
  double before = 0;
  for (const std::int64_t voxels : {0, 1, 100, 10'000, 1'000'000}) {
    const EstimatedRun run = estimator.of_voxels(voxels, voxels);
    expect_sum(run);
    EXPECT_GE(run.run.us, before);
    before = run.run.us;
  }
  const EstimatedRun range = estimator.of_voxels(1000, 3000);
  EXPECT_EQ(range.run.low_us, estimator.of_voxels(1000, 1000).run.low_us);
  EXPECT_EQ(range.run.high_us, estimator.of_voxels(3000, 3000).run.high_us);
  EXPECT_EQ(range.run.us, estimator.of_voxels(2000, 2000).run.us);
  // By ratios a point is from 0.02 voxels to one.
  const EstimatedRun points = estimator.of_points(5000, 5000);
  EXPECT_EQ(points.run.high_us, estimator.of_voxels(5000, 5000).run.high_us);
  EXPECT_EQ(points.run.low_us, estimator.of_voxels(100, 100).run.low_us);
}

TEST(Estimator, SizesFollowScans) {
  EstimateOptions options = {.threads = 1};
  for (const std::int64_t n : {1000, 2000, 4000})
    options.scans.push_back({{"N_in", n},
                             {"N_1", n / 2},
                             {"N_out", n / 2},
                             {"pairs_0", 6 * n},
                             {"pairs_1", n},
                             {"points", 5 * n}});
  const Estimator estimator = Estimator::of_config(two_layers(), made_up_config(), options);
  EXPECT_NE(estimator.sizes_from().find("3 scans"), std::string::npos);
  const EstimatedRun exact = estimator.of_sizes(options.scans[1]);
  for (const EstimatedRun& run :
       {estimator.of_voxels(2000, 2000), estimator.of_points(10'000, 10'000)}) {
    EXPECT_NEAR(run.run.us, exact.run.us, 1e-6 * exact.run.us);
    EXPECT_NEAR(run.run.high_us, exact.run.high_us, 1e-3 * exact.run.high_us);
  }
  options.scans[0].erase("points");
  const Estimator without = Estimator::of_config(two_layers(), made_up_config(), options);
  expect_says([&] { without.of_points(1, 2); }, {"points", "voxels"});
}

TEST(Estimator, OfADescribedGpuIsARooflineWithNothingKnownAbove) {
  const GpuFile gpu(kPeaks);
  const Estimator estimator = Estimator::of_description(two_layers(), gpu.path);
  EXPECT_EQ(name(estimator.source()), "roofline");
  const EstimatedRun run = estimator.of_sizes(kSizes);
  expect_sum(run);
  EXPECT_TRUE(std::isinf(run.run.high_us));
  const EstimatedTime& first = part(run, "first", "convolution");
  // Products: 10^6 a us. Bytes: rows in and out, weights and pairs at 10^5 a us.
  const double bytes = 1000.0 * 16 * 4 + 1000.0 * 32 * 4 + 27.0 * 16 * 32 * 4 + 5000.0 * 8;
  EXPECT_NEAR(first.low_us, std::max(kFirstFlop / 1e6, bytes / 1e5), 1e-9);
  EXPECT_NEAR(first.us - first.low_us, 9 * 3.0, 1e-9);  // launches of 3 us
  EXPECT_NEAR(part(run, "second", "map").us - part(run, "second", "map").low_us, (5 + 7) * 3.0,
              1e-9);
  EXPECT_NE(first.how.find("not calibrated"), std::string::npos);
  const double second = 1000.0 * 32 * 4 + 400.0 * 8 * 4 + 8.0 * 32 * 8 * 4 + 1000.0 * 8;
  EXPECT_NEAR(part(run, "second", "convolution").low_us, std::max(kSecondFlop / 1e6, second / 1e5),
              1e-9);
  const EstimatedRun narrow =
      Estimator::of_description(two_layers(), gpu.path, {.dtype = DType::float16}).of_sizes(kSizes);
  const double half = 1000.0 * 16 * 2 + 1000.0 * 32 * 2 + 27.0 * 16 * 32 * 2 + 5000.0 * 8;
  EXPECT_NEAR(part(narrow, "first", "convolution").low_us, std::max(kFirstFlop / 8e6, half / 1e5),
              1e-9);
}

TEST(Estimator, SizesOfARealScanAreAnswered) {
  const Network network = small_network();
  const Executor executor(network, {.threads = 1});
  std::vector<std::map<std::string, std::int64_t>> scans;
  for (const std::int64_t count : {200, 400, 800})
    scans.push_back(sizes_of(executor, executor.prepare(make_voxels(count), 1)));
  const Estimator estimator =
      Estimator::of_config(network, made_up_config(), {.threads = 1, .scans = scans});
  const EstimatedRun run = estimator.of_sizes(scans[1]);
  const std::int64_t voxels = scans[1].at("N_in");
  const EstimatedRun counted = estimator.of_voxels(voxels, voxels);
  EXPECT_LE(counted.run.low_us, run.run.us);
  EXPECT_GE(counted.run.high_us, run.run.us);
}

TEST(Estimator, RefusesWhatItDoesNotKnow) {
  const Network network = two_layers();
  const DeviceConfig config = made_up_config();
  const auto refuses = [&](const EstimateOptions& options,
                           std::initializer_list<std::string> parts) {
    expect_says([&] { Estimator::of_config(network, config, options); }, parts);
  };
  refuses({.dtype = DType::int8, .threads = 1}, {"floating-point", "int8"});
  refuses({.dtype = DType::float64, .threads = 1},
          {"first", "cost model does not know", "float64"});
  refuses({.threads = 2}, {"2 threads", "maps"});
  refuses({.threads = -1}, {"threads", "-1"});
  refuses({.threads = 1, .scans = {kSizes, kSizes}}, {"at least 3", "got 2"});
  auto other = kSizes;
  other.erase("N_1");
  refuses({.threads = 1, .scans = {kSizes, kSizes, other}}, {"'N_1'"});
  other = kSizes;
  other["pairs_9"] = 1;
  refuses({.threads = 1, .scans = {kSizes, kSizes, other}}, {"'pairs_9'"});
  expect_says([&] { Estimator::of_config(network, DeviceConfig(config.device()), {.threads = 1}); },
              {"tuned maps"});
  const Estimator estimator = Estimator::of_config(network, config, {.threads = 1});
  expect_says([&] { estimator.of_voxels(2, 1); }, {"2 to 1"});
  expect_says([&] { estimator.of_voxels(-1, 1); }, {"-1"});
  expect_says([&] { estimator.of_points(0, std::int64_t{1} << 41); }, {"2^40"});
  other["pairs_9"] = -1;
  expect_says([&] { estimator.of_sizes(other); }, {"'pairs_9'"});
  other = kSizes;
  other["N_1"] = -1;
  expect_says([&] { estimator.of_sizes(other); }, {"N_1", "-1"});
  const GpuFile no_peaks(R"("gflops": null, "tensor_gflops": 8000, "dram_gb_per_s": 100)");
  expect_says([&] { Estimator::of_description(network, no_peaks.path); }, {"gflops"});
  const GpuFile gpu(kPeaks);
  expect_says([&] { Estimator::of_description(network, gpu.path, {.threads = 2}); },
              {"threads", "2"});
  expect_says([&] { Estimator::of_description(network, gpu.path + ".none"); }, {"none"});
}

}  // namespace
}  // namespace gavotte
