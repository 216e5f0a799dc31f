// What record_launches() says of runs on the emulated device.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cuda/launch.h"
#include "cuda/memory.h"
#include "emulator.h"
#include "gavotte/error.h"
#include "manifest/enqueued_run.h"
#include "manifest/formula.h"
#include "recorded.h"

namespace gavotte {
namespace {

using manifest::Launch;
using manifest::Source;
using testing_cuda::device_voxels;
using testing_cuda::kCuda;

class RecordedLaunches : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { testing_cuda::serve_guarded_cuda(); }
};

Manifest recorded(const Network& network, std::int64_t voxels, ExecutorOptions options = {},
                  const LaunchOptions& files = {}) {
  options.device = kCuda;
  return record_launches(network, device_voxels(voxels), options, files);
}

std::vector<Network> networks() { return {test::small_network(), testing_cuda::pooled_network()}; }

/// Names and grids, by a listener that shares nothing with the library's.
class Listener final : public internal::LaunchListener {
 public:
  Listener() : before_(internal::cuda::set_launch_listener(this)) {}
  ~Listener() override { internal::cuda::set_launch_listener(before_); }
  void on_launch(const internal::Launch& launch) override {
    seen.push_back(std::string(launch.name) + " " + std::to_string(launch.shape.blocks) + " " +
                   std::to_string(launch.shape.blocks_y) + " " +
                   std::to_string(launch.shape.threads) + " " +
                   std::to_string(launch.shape.shared_bytes));
  }
  void on_transfer(const internal::Transfer& transfer) override {
    seen.push_back((transfer.from == nullptr ? "fill " : "copy ") + std::to_string(transfer.bytes));
  }
  void on_library_call(const internal::LibraryCall& call) override { seen.emplace_back(call.name); }
  std::vector<std::string> seen;

 private:
  internal::LaunchListener* before_;
};

TEST_F(RecordedLaunches, AreThoseOfTheRunInOrder) {
  for (const Network& network : networks()) {
    const Voxels voxels = device_voxels(300);
    Executor executor(network, {.device = kCuda});
    executor.run(voxels);
    const std::int64_t waits = internal::cuda::synchronizations();
    const Listener listener;
    executor.run(voxels);
    const std::int64_t waited = internal::cuda::synchronizations() - waits;
    const std::vector<std::string> seen = listener.seen;
    const Manifest manifest = record_launches(network, voxels, {.device = kCuda});
    EXPECT_EQ(manifest.run.host_reads.v, waited);
    ASSERT_EQ(manifest.launches.size(), seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const Launch& launch = manifest.launches[i];
      if (launch.api == "cudaLaunchKernel") {
        const std::string name = seen[i].substr(0, seen[i].find(' '));
        EXPECT_TRUE(launch.kernel.key.ends_with("." + name)) << launch.kernel.key;
        EXPECT_EQ(seen[i], name + " " + std::to_string(launch.grid.v->at(0)) + " " +
                               std::to_string(launch.grid.v->at(1)) + " " +
                               std::to_string(launch.block.v->at(0)) + " " +
                               std::to_string(*launch.dynamic_shared_memory_bytes.v));
      } else if (launch.api == "cudaMemsetAsync" || launch.api == "cudaMemcpyAsync") {
        EXPECT_EQ(seen[i], (launch.api == "cudaMemsetAsync" ? "fill " : "copy ") +
                               std::to_string(static_cast<long long>(*launch.work.dram_bytes.v)));
      } else {
        EXPECT_EQ(launch.api, seen[i]);
        EXPECT_TRUE(launch.api.starts_with("cub::")) << launch.api;
      }
    }
  }
}

TEST_F(RecordedLaunches, OfThreeSizesHaveOneHash) {
  for (const Network& network : networks())
    for (const DType dtype : {DType::float32, DType::bfloat16}) {
      const std::string hash = recorded(network, 90, {.dtype = dtype}).run.launch_sequence_hash;
      for (const std::int64_t voxels : {200, 600})
        EXPECT_EQ(recorded(network, voxels, {.dtype = dtype}).run.launch_sequence_hash, hash);
    }
  const Network network = test::small_network();
  const std::string hash = recorded(network, 90).run.launch_sequence_hash;
  EXPECT_NE(recorded(network, 90, {.dtype = DType::bfloat16}).run.launch_sequence_hash, hash);
  EXPECT_NE(recorded(network, 90, {.conv_config = {.dataflow = Dataflow::implicit_gemm}})
                .run.launch_sequence_hash,
            hash);
}

TEST_F(RecordedLaunches, FormulasGiveTheGridsOfOtherScans) {
  for (const Dataflow dataflow : {Dataflow::automatic, Dataflow::implicit_gemm})
    for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal})
      for (const Network& network : networks()) {
        const ExecutorOptions options = {.map_config = {.builder = builder},
                                         .conv_config = {.dataflow = dataflow}};
        const Manifest small = recorded(network, 90, options);
        const Manifest large = recorded(network, 500, options);
        ASSERT_EQ(small.launches.size(), large.launches.size());
        int grids = 0, grown = 0;
        for (std::size_t i = 0; i < small.launches.size(); ++i) {
          const Launch &a = small.launches[i], &b = large.launches[i];
          EXPECT_EQ(a.grid_formula.v, b.grid_formula.v) << b.kernel.key;
          for (const auto& [formula, extent] :
               {std::pair{&a.grid_formula, &b.grid}, std::pair{&a.block_formula, &b.block}})
            if (formula->v) {
              EXPECT_EQ(internal::evaluate_count(*formula->v, large.run.symbols, b.kernel.key),
                        extent->v->at(0))
                  << *formula->v;
            }
          grids += a.grid_formula.v.has_value();
          grown += a.grid_formula.v && a.grid.v != b.grid.v;
        }
        EXPECT_GT(grids, 5);
        EXPECT_GT(grown, 2);
      }
}

/// Launchers whose grids follow from more than one number: these alone have no formula in a step.
TEST_F(RecordedLaunches, EachKernelOfAStepHasAFormula) {
  for (const Network& network : networks())
    for (const DType dtype : {DType::float32, DType::float16}) {
      const Manifest manifest = recorded(network, 300, {.dtype = dtype});
      int kernels = 0;
      for (const Launch& launch : manifest.launches) {
        const bool step = launch.op != "set" && launch.op != "map" && launch.op != "lists";
        if (launch.api != "cudaLaunchKernel" || !step) continue;
        ++kernels;
        const bool two_numbers = launch.kernel.key.find("reduce_chunks") != std::string::npos;
        EXPECT_EQ(launch.grid_formula.v.has_value(), !two_numbers)
            << launch.kernel.key << ": " << launch.grid_formula.how;
        EXPECT_TRUE(launch.block_formula.v.has_value()) << launch.kernel.key;
      }
      EXPECT_GT(kernels, 5);
    }
}

TEST_F(RecordedLaunches, KernelsAreNamedAsTheCompilerNamesThem) {
  std::map<std::string, std::string> symbol_of;
  for (const Network& network : networks())
    for (const Launch& launch : recorded(network, 300).launches) {
      if (launch.api != "cudaLaunchKernel") {
        EXPECT_FALSE(launch.kernel.mangled.v.has_value());
        continue;
      }
      ASSERT_TRUE(launch.kernel.mangled.v.has_value()) << launch.kernel.key;
      const std::string name = launch.kernel.key.substr(launch.kernel.key.rfind('.') + 1);
      EXPECT_TRUE(symbol_of.emplace(name, *launch.kernel.mangled.v).first->second ==
                  *launch.kernel.mangled.v);
      EXPECT_TRUE(launch.kernel.mangled.v->starts_with("_ZN7gavotte8internal4cuda"));
      EXPECT_NE(launch.kernel.demangled.v->find("_kernel"), std::string::npos);
    }
  std::set<std::string> symbols;
  for (const auto& [name, symbol] : symbol_of)
    EXPECT_TRUE(symbols.insert(symbol).second) << name << " and another are " << symbol;
  EXPECT_NE(symbol_of.at("group_offsets").find("group_offsets_kernel"), std::string::npos);
}

/// All tile boundaries of a run, each at one of its kernels.
TEST_F(RecordedLaunches, CountWhereEachKernelMayStop) {
  for (const Network& network : networks()) {
    const Voxels voxels = device_voxels(300);
    Executor executor(network, {.device = kCuda});
    EvictionFlag flag;
    constexpr std::int64_t kMany = 1'000'000;
    flag.set_after(kMany);
    executor.run(voxels, {.evict = &flag});
    std::int64_t points = 0;
    for (const Launch& launch : record_launches(network, voxels, {.device = kCuda}).launches) {
      ASSERT_TRUE(launch.safety.preemption_points.v.has_value());
      const std::int64_t own = *launch.safety.preemption_points.v;
      points += own;
      if (launch.api != "cudaLaunchKernel") {
        EXPECT_EQ(own, 0) << launch.kernel.key;
      } else if (launch.grid.v->at(0) > 1 && launch.op != "set") {
        EXPECT_GT(own, 0) << launch.kernel.key;
      }
    }
    EXPECT_EQ(points, kMany - flag.boundaries_left());
  }
}

TEST_F(RecordedLaunches, SayNothingThatOnlyAGpuKnows) {
  const Manifest manifest = recorded(test::small_network(), 300);
  EXPECT_EQ(Manifest::from_json(manifest.to_json()), manifest);
  EXPECT_EQ(manifest.device.kind, "cuda");
  for (const Launch& launch : manifest.launches) {
    for (const manifest::Amount* amount :
         {&launch.duration_us.min, &launch.duration_us.median, &launch.duration_us.p99,
          &launch.utilisation.sm, &launch.utilisation.dram, &launch.safety.latency_us,
          &launch.energy_mj})
      EXPECT_EQ(amount->src, Source::unavailable);
    EXPECT_FALSE(launch.registers.v.has_value());
    EXPECT_FALSE(launch.occupancy.blocks_per_sm.v.has_value());
  }
}

TEST_F(RecordedLaunches, CountEachStepsWorkOnce) {
  const Network network = test::small_network();
  const Voxels voxels = device_voxels(300);
  for (const DType dtype : {DType::float32, DType::bfloat16}) {
    const RunStats stats = Executor(network, {.device = kCuda, .dtype = dtype}).run(voxels).stats;
    const Manifest manifest = record_launches(network, voxels, {.device = kCuda, .dtype = dtype});
    std::map<std::string, double> flop, tensor;
    for (const Launch& launch : manifest.launches)
      if (launch.op != "map" && launch.op != "set") {
        flop[launch.layer] += launch.work.flop.v.value_or(0);
        tensor[launch.layer] += launch.work.tensor_flop.v.value_or(0);
      }
    for (const LayerStats& layer : stats.layers) {
      EXPECT_NEAR(flop[layer.name], layer.gflop * 1e9, 1e-6 * layer.gflop * 1e9) << layer.name;
      EXPECT_EQ(tensor[layer.name], dtype == DType::bfloat16 ? flop[layer.name] : 0.0);
    }
  }
}

class Files {
 public:
  Files()
      : folder_(std::filesystem::temp_directory_path() / ("gavotte_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = (folder_ / name).string();
    std::ofstream(path) << text;
    return path;
  }

 private:
  std::filesystem::path folder_;
};

const std::string kDevice = R"({"format": 1, "name": "Described GPU", "source": "a test",
  "compute_capability": [9, 0], "units": 132, "clock_mhz": null, "memory_clock_mhz": null,
  "gflops": 60000, "tensor_gflops": null, "dram_gb_per_s": 4000})";

std::string table_of(const Manifest& manifest, const std::string& architecture) {
  std::set<std::string> symbols;
  for (const Launch& launch : manifest.launches)
    if (launch.kernel.mangled.v) symbols.insert(*launch.kernel.mangled.v);
  std::string text =
      "{\"format\": 1, \"toolkit\": \"CUDA 13.0\", \"architectures\": {\"" + architecture + "\": {";
  for (const std::string& symbol : symbols)
    text +=
        (symbol == *symbols.begin() ? "\"" : ", \"") + symbol +
        R"(": {"registers": 100, "static_shared_bytes": 16, "local_bytes": 0, "spilled_bytes": 0, "barriers": 1})";
  return text + "}}}";
}

TEST_F(RecordedLaunches, TakeTheDeviceAndTheCompilersWordFromFiles) {
  const Network network = test::small_network();
  const Files files;
  const LaunchOptions given = {
      .device_description = files.write("device.json", kDevice),
      .kernel_resources = files.write("resources.json", table_of(recorded(network, 90), "sm_90a"))};
  const Manifest plain = recorded(network, 1100);
  const Manifest manifest = recorded(network, 1100, {}, given);
  EXPECT_EQ(Manifest::from_json(manifest.to_json()), manifest);
  EXPECT_EQ(manifest.device.name, "Described GPU");
  EXPECT_EQ(manifest.device.units.v, 132);
  EXPECT_EQ(manifest.device.units.how, "a test");
  EXPECT_EQ(manifest.device.limits.registers_per_unit.v, 65536);
  EXPECT_EQ(manifest.device.peaks.tensor_gflops.src, Source::unavailable);
  EXPECT_EQ(manifest.library.toolkit.v, "CUDA 13.0");
  bool grows = false;
  for (std::size_t i = 0; i < manifest.launches.size(); ++i) {
    const Launch& launch = manifest.launches[i];
    if (launch.api != "cudaLaunchKernel") continue;
    EXPECT_EQ(launch.registers.v, 100);
    // 100 registers are 104 in units of 8: 3328 for a warp, 16384 / 3328 = 4 warps in each of four parts.
    const std::int64_t warps = (launch.block.v->at(0) + 31) / 32;
    const std::int64_t shared =
        (*launch.dynamic_shared_memory_bytes.v + 16 + 1024 + 127) / 128 * 128;
    const std::int64_t each = std::min<std::int64_t>({16 / warps, 32, 233472 / shared});
    EXPECT_EQ(launch.occupancy.blocks_per_sm.v, each) << launch.kernel.key;
    const std::int64_t blocks = launch.grid.v->at(0) * launch.grid.v->at(1);
    if (each > 0) {
      EXPECT_EQ(launch.occupancy.sms_needed.v, (blocks + each - 1) / each);
      EXPECT_DOUBLE_EQ(*launch.occupancy.waves.v,
                       static_cast<double>(blocks) / static_cast<double>(each * 132));
    }
    grows = grows || launch.grid.v->at(0) > plain.launches[i].grid.v->at(0);
  }
  EXPECT_TRUE(grows);  // 132 multiprocessors hold more blocks than 4
  const LaunchOptions other = {
      .device_description = given.device_description,
      .kernel_resources = files.write("other.json", table_of(plain, "sm_80"))};
  for (const Launch& launch : recorded(network, 90, {}, other).launches)
    EXPECT_FALSE(launch.registers.v.has_value());
}

TEST_F(RecordedLaunches, OfEnqueueAreOneSequenceWithoutWaits) {
  const LaunchOptions enqueued = {.enqueued = true};
  for (const Network& network : networks())
    for (const DType dtype : {DType::float32, DType::bfloat16}) {
      ExecutorOptions options = {.dtype = dtype, .max_voxels = 400};
      options.bounds = CoordinateBounds{.lower = -32, .upper = 31, .batch_size = 2};
      const Manifest first = recorded(network, 90, options, enqueued);
      EXPECT_EQ(Manifest::from_json(first.to_json()), first);
      EXPECT_EQ(first.run.sequence_stable.v, true);
      EXPECT_EQ(first.run.host_reads.v, 0);
      EXPECT_EQ(first.run.symbols.at("N_in").v, 400);
      EXPECT_EQ(first.run.symbols.at("N_in").src, Source::derived);
      EXPECT_EQ(
          first.run.symbols.at("pairs_0").v,
          27 * *first.run.symbols.at(first.launches.back().op == "global_pool" ? "N_1" : "N_in").v);
      for (const std::int64_t voxels : {2, 300}) {
        const Manifest other = recorded(network, voxels, options, enqueued);
        EXPECT_EQ(other.run.launch_sequence_hash, first.run.launch_sequence_hash);
        EXPECT_EQ(other, first);  // nothing in it is of the scan
      }
      // Those of a listener that shares nothing with the library's.
      const Voxels voxels = device_voxels(90);
      ExecutorOptions on_device = options;
      on_device.device = kCuda;
      Executor executor(network, on_device);
      const internal::EnqueuedScan scan(voxels, on_device, 3);
      scan.enqueue(executor);
      executor.collect();
      const Listener listener;
      scan.enqueue(executor);
      ASSERT_EQ(first.launches.size(), listener.seen.size());
      for (std::size_t i = 0; i < listener.seen.size(); ++i)
        if (const Launch& launch = first.launches[i]; launch.api == "cudaLaunchKernel") {
          EXPECT_TRUE(launch.kernel.key.ends_with(
              "." + listener.seen[i].substr(0, listener.seen[i].find(' '))));
        }
      executor.collect();
      EXPECT_NE(recorded(network, 90, {.dtype = dtype}).run.launch_sequence_hash,
                first.run.launch_sequence_hash);
    }
  const auto problem = [&](const ExecutorOptions& options, std::int64_t voxels) -> std::string {
    try {
      recorded(test::small_network(), voxels, options, enqueued);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  };
  ExecutorOptions options = {.max_voxels = 20};
  EXPECT_NE(problem(options, 5).find("bounds"), std::string::npos);
  options.bounds = CoordinateBounds{.lower = -32, .upper = 31};
  EXPECT_NE(problem(options, 90).find("at most 20"), std::string::npos);
  options.bounds->upper = -31;
  EXPECT_NE(problem(options, 5).find("outside"), std::string::npos);
}

TEST_F(RecordedLaunches, ArePredictedByDeclaredPeaksAndNoMore) {
  const Network network = test::small_network();
  const Files files;
  const LaunchOptions given = {.device_description = files.write("device.json", kDevice)};
  const Manifest plain = recorded(network, 300), manifest = recorded(network, 300, {}, given);
  EXPECT_EQ(Manifest::from_json(manifest.to_json()), manifest);
  for (const Launch& launch : plain.launches) {
    EXPECT_EQ(launch.predict.duration_us.src, Source::unavailable);
    EXPECT_NE(launch.predict.duration_us.how.find("peaks"), std::string::npos);
  }
  int products = 0, transfers = 0, moves = 0;
  for (const Launch& launch : manifest.launches) {
    const manifest::Prediction& predict = launch.predict;
    EXPECT_FALSE(predict.error.v || predict.band.sizes.v || predict.band.voxels.v ||
                 predict.band.points.v);
    if (!predict.duration_us.v) continue;
    EXPECT_EQ(predict.duration_us.src, Source::estimated);
    EXPECT_NE(predict.duration_us.how.find("not calibrated"), std::string::npos);
    EXPECT_FALSE(launch.api.starts_with("cub::"));
    const double us =
        internal::evaluate(*predict.duration_us.v, manifest.run.symbols, launch.kernel.key);
    // 60,000 * 10^9 FLOP and 4,000 * 10^9 bytes a second.
    const double flop_us = launch.work.flop.v.value_or(0) / 60e6;
    if (launch.api != "cudaLaunchKernel") {
      EXPECT_NEAR(us, *launch.work.dram_bytes.v / 4e6, 1e-9);
      ++transfers;
    } else if (flop_us > 0) {
      EXPECT_GE(us, flop_us * (1 - 1e-12));
      ++products;
    } else {
      double bytes = 0;
      for (const auto* segments : {&launch.segments.reads, &launch.segments.writes})
        for (const manifest::Segment& segment : *segments)
          bytes += static_cast<double>(segment.end_bytes - segment.begin_bytes);
      EXPECT_NEAR(us, bytes / 4e6, 1e-9) << launch.kernel.key;
      ++moves;
    }
    for (const auto& [symbol, range] : predict.valid) {
      EXPECT_EQ(range.min, static_cast<double>(*manifest.run.symbols.at(symbol).v));
      EXPECT_EQ(range.max, range.min);
    }
  }
  EXPECT_GE(products, 5);  // each layer that multiplies
  EXPECT_GT(transfers, 0);
  EXPECT_GT(moves, 0);
  EXPECT_FALSE(manifest.run.predict.total.duration_us.v.has_value());
}

TEST_F(RecordedLaunches, AskTheRuntimeOfTheDeviceThatRan) {
  emulator::options().registers = 48;
  emulator::options().resident_blocks = 3;
  const Network network = test::small_network();
  const Files files;
  const Manifest here = recorded(network, 200);
  const Manifest elsewhere =
      recorded(network, 200, {}, {.device_description = files.write("device.json", kDevice)});
  emulator::options().registers = emulator::options().resident_blocks = 0;
  EXPECT_EQ(Manifest::from_json(here.to_json()), here);
  for (const Launch& launch : here.launches) {
    if (launch.api != "cudaLaunchKernel") continue;
    EXPECT_EQ(launch.registers.v, 48);
    EXPECT_EQ(launch.static_shared_memory_bytes.v, 0);
    EXPECT_EQ(launch.occupancy.blocks_per_sm.v, 3);
    EXPECT_EQ(launch.occupancy.blocks_per_sm.how, "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    EXPECT_EQ(launch.occupancy.sms_needed.v, (launch.grid.v->at(0) * launch.grid.v->at(1) + 2) / 3);
  }
  for (const Launch& launch : elsewhere.launches) {
    EXPECT_FALSE(launch.registers.v.has_value());
    EXPECT_FALSE(launch.occupancy.blocks_per_sm.v.has_value());
  }
}

TEST_F(RecordedLaunches, RefuseFilesThatAreWrong) {
  const Files files;
  const auto problem = [&](const LaunchOptions& given) -> std::string {
    try {
      recorded(test::small_network(), 20, {}, given);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  };
  const auto device = [&](const std::string& from, const std::string& to) {
    std::string text = kDevice;
    text.replace(text.find(from), from.size(), to);
    return problem({.device_description = files.write("d.json", text)});
  };
  EXPECT_NE(device("\"units\": 132", "\"units\": 0").find(".units"), std::string::npos);
  EXPECT_NE(device("[9, 0]", "[9]").find("compute_capability"), std::string::npos);
  EXPECT_NE(device("\"format\": 1", "\"format\": 2").find("format 1"), std::string::npos);
  EXPECT_NE(device("\"gflops\": 60000", "\"gflops\": -1").find("gflops"), std::string::npos);
  EXPECT_NE(device("\"source\"", "\"origin\"").find("origin"), std::string::npos);
  EXPECT_NE(problem({.device_description = "/no/such/file"}).find("/no/such/file"),
            std::string::npos);
  EXPECT_NE(problem({.kernel_resources = files.write("r.json", R"({"format": 1, "toolkit": "x",
      "architectures": {"sm_90": {"k": {"registers": -1}}}})")})
                .find("sm_90.k"),
            std::string::npos);
  EXPECT_THROW(record_launches(test::small_network(), {}, {.device = Device::cpu()}), Error);
}

}  // namespace
}  // namespace gavotte
