// gavotte_gpu_bench: the map step, layers and networks on a GPU, timed by CUDA events around each call on
// its stream. What is compared runs in turns, three rounds before it counts; medians over the rounds that
// do. Data stays in caches from call to call, as from layer to layer of a network.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "comparison.h"
#include "gavotte/convolution.h"
#include "gavotte/coordinate_manager.h"
#include "gavotte/executor.h"
#include "gavotte/sparse_ops.h"
#include "report.h"
#include "scenes.h"

#define CHECK_CUDA(call)                                                          \
  do {                                                                            \
    const cudaError_t error = (call);                                             \
    GAVOTTE_CHECK_RUNTIME(error == cudaSuccess,                                   \
                          std::string(#call) + ": " + cudaGetErrorString(error)); \
  } while (false)

namespace gavotte::bench {
namespace {

constexpr Device kCuda = {DeviceKind::cuda, 0};
constexpr int kWarmUps = 3;

struct Options {
  std::filesystem::path output = "gpu_bench.json";
  std::vector<std::string> scenes = {"lidar_10", "random_100000", "random_500000"};
  std::vector<std::string> operations = {"map", "layers", "networks"};
  int rounds = 10;
  std::string commit = "unknown";
};

class Timer {
 public:
  Timer() {
    CHECK_CUDA(cudaStreamCreate(&stream_));
    CHECK_CUDA(cudaEventCreate(&start_));
    CHECK_CUDA(cudaEventCreate(&end_));
  }
  ~Timer() {
    cudaEventDestroy(start_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  cudaStream_t stream() const { return stream_; }
  Execution execution() const { return {.device = kCuda, .stream = {stream_}}; }

  Comparison compare(const std::vector<Contender>& contenders, int rounds) const {
    std::vector<std::vector<double>> times(contenders.size());
    for (int round = -kWarmUps; round < rounds; ++round)
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        const double ms = time_ms(contenders[i].call);
        if (round >= 0) times[i].push_back(ms);
      }
    return Comparison(std::move(times));
  }

 private:
  double time_ms(const std::function<void()>& call) const {
    CHECK_CUDA(cudaEventRecord(start_, stream_));
    call();
    CHECK_CUDA(cudaEventRecord(end_, stream_));
    CHECK_CUDA(cudaEventSynchronize(end_));
    float ms = 0;
    CHECK_CUDA(cudaEventElapsedTime(&ms, start_, end_));
    return static_cast<double>(ms);
  }

  cudaStream_t stream_ = nullptr;
  cudaEvent_t start_ = nullptr, end_ = nullptr;
};

/// The set alone (its sort), the map alone, and both.
void bench_map_step(const Scene& scene, const Tensor& lattice, const Timer& timer, int rounds,
                    Report& report) {
  const Execution execution = timer.execution();
  const Coordinates set(lattice, 1, StrideStyle::divided, execution);
  for (const std::string operation : {"coordinates", "map", "map_step"}) {
    std::vector<Contender> contenders;
    for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal})
      for (const bool symmetric : {true, false}) {
        if (operation == "coordinates" && !contenders.empty()) continue;
        MapConfig config;
        config.builder = builder;
        config.symmetric = symmetric;
        const std::string named =
            operation == "coordinates"
                ? "gavotte"
                : "gavotte " + std::string(name(builder)) + (symmetric ? "" : " not symmetric");
        contenders.push_back({named, [=, &lattice, &set] {
                                const Coordinates own =
                                    operation == "map"
                                        ? set
                                        : Coordinates(lattice, 1, StrideStyle::divided, execution);
                                if (operation == "coordinates") return;
                                CoordinateManager manager(execution, config);
                                manager.kernel_map(own, ConvSpec::submanifold(3));
                              }});
      }
    report.add(rows_of({.scene = scene.name,
                        .operation = operation,
                        .layer = "3x3x3 submanifold",
                        .dtype = "int32"},
                       contenders, timer.compare(contenders, rounds)));
  }
}

struct Width {
  std::int64_t in, out;
};
constexpr std::array<Width, 9> kWidths = {
    {{4, 16}, {8, 8}, {16, 16}, {32, 32}, {64, 64}, {64, 96}, {128, 128}, {256, 256}, {256, 384}}};

/// Forward of all widths and gradients of 64 -> 64, the map at hand.
void bench_layers(const Scene& scene, const Tensor& lattice, const Timer& timer, int rounds,
                  Report& report) {
  const Execution execution = timer.execution();
  const Coordinates set(lattice, 1, StrideStyle::divided, execution);
  CoordinateManager manager(execution, {});
  const KernelMap map = manager.kernel_map(set, ConvSpec::submanifold(3)).map;
  report.scenes.push_back({scene.name, map.out_rows(), map.report().matches_per_output});
  for (const Width width : kWidths)
    for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
      const Tensor x = convert(filled({map.in_rows(), width.in}), dtype).to(kCuda);
      const Tensor grad = convert(filled({map.out_rows(), width.out}), dtype).to(kCuda);
      const Tensor weights = convert(filled({map.offsets(), width.in, width.out}), dtype).to(kCuda);
      for (const std::string operation : {"forward", "dgrad", "wgrad"}) {
        if (operation != "forward" && (width.in != 64 || width.out != 64)) continue;
        std::vector<Contender> contenders;
        for (const Dataflow dataflow :
             {Dataflow::gather_gemm_scatter, Dataflow::implicit_gemm, Dataflow::minuet})
          for (const bool tf32 : {false, true}) {
            if (tf32 && dtype != DType::float32) continue;
            ConvConfig config;
            config.dataflow = dataflow;
            config.allow_tf32 = tf32;
            const auto call = [=, &x, &grad, &weights] {
              if (operation == "forward")
                convolution(x, weights, map, 1, {}, config, execution);
              else if (operation == "dgrad")
                convolution_dgrad(grad, weights, map, 1, config, execution);
              else
                convolution_wgrad(x, grad, map, 1, config, execution);
            };
            try {
              call();
            } catch (const Error& error) {  // minuet without cuBLAS
              fmt::print(stderr, "gpu_bench: left out: {}\n", error.what());
              continue;
            }
            contenders.push_back(
                {"gavotte " + std::string(name(dataflow)) + (tf32 ? " tf32" : ""), call});
          }
        report.add(rows_of({.scene = scene.name,
                            .operation = operation,
                            .layer = fmt::format("3x3x3 {}->{}", width.in, width.out),
                            .dtype = std::string(name(dtype))},
                           contenders, timer.compare(contenders, rounds)));
      }
    }
}

CoordinateBounds bounds_of(const Tensor& coordinates) {
  std::array<std::int32_t, 3> lower, upper;
  lower.fill(std::numeric_limits<std::int32_t>::max());
  upper.fill(std::numeric_limits<std::int32_t>::min());
  const auto values = coordinates.span<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 0) continue;
    lower[i % 4 - 1] = std::min(lower[i % 4 - 1], values[i]);
    upper[i % 4 - 1] = std::max(upper[i % 4 - 1], values[i]);
  }
  return {.lower = {lower[0], lower[1], lower[2]}, .upper = {upper[0], upper[1], upper[2]}};
}

/// End to end, maps built in every call: with waits for sizes, without, and replayed from a graph.
void bench_networks(const Scene& scene, const Tensor& lattice, const Timer& timer, int rounds,
                    Report& report) {
  constexpr std::int64_t kInChannels = 4, kClasses = 20;
  const std::int64_t rows = lattice.rows();
  const Tensor count = Tensor::from<std::int64_t>(std::array{rows}, {1}).to(kCuda);
  for (const std::string_view network_name : builtin_networks())
    for (const DType dtype : {DType::float32, DType::float16}) {
      const Tensor features = convert(filled({rows, kInChannels}), dtype).to(kCuda);
      ExecutorOptions options;
      options.device = kCuda;
      options.stream = {timer.stream()};
      options.dtype = dtype;
      const Network network = make_network(network_name, kInChannels, kClasses);
      Executor waiting(network, options);
      options.max_voxels = rows;
      options.bounds = bounds_of(scene.coordinates);
      Executor fixed(network, options);
      const auto enqueue = [&] { fixed.enqueue(lattice, features, count); };
      enqueue();
      fixed.collect();
      cudaGraph_t graph = nullptr;
      cudaGraphExec_t executable = nullptr;
      CHECK_CUDA(cudaStreamBeginCapture(timer.stream(), cudaStreamCaptureModeThreadLocal));
      enqueue();
      CHECK_CUDA(cudaStreamEndCapture(timer.stream(), &graph));
      CHECK_CUDA(cudaGraphInstantiate(&executable, graph, 0));
      const std::vector<Contender> contenders = {
          {"gavotte run", [&] { waiting.run(lattice, features); }},
          {"gavotte enqueue", enqueue},
          {"gavotte graph", [&] { CHECK_CUDA(cudaGraphLaunch(executable, timer.stream())); }}};
      report.add(rows_of({.scene = scene.name,
                          .operation = "network",
                          .layer = std::string(network_name),
                          .dtype = std::string(name(dtype))},
                         contenders, timer.compare(contenders, rounds)));
      fixed.collect();  // an error of the device shows here
      CHECK_CUDA(cudaGraphExecDestroy(executable));
      CHECK_CUDA(cudaGraphDestroy(graph));
    }
}

std::string device_name() {
  std::string why_none;
  GAVOTTE_CHECK_RUNTIME(Device::cuda_count(&why_none) > 0, "no GPU: " + why_none);
  cudaDeviceProp found{};
  CHECK_CUDA(cudaGetDeviceProperties(&found, kCuda.index));
  int driver = 0;
  CHECK_CUDA(cudaDriverGetVersion(&driver));
  return fmt::format("{}, compute capability {}.{}, CUDA driver {}", found.name, found.major,
                     found.minor, driver);
}

void run(const Options& options, const std::string& command) {
  Report report{.command = command,
                .commit = options.commit,
                .device = device_name(),
                .rounds = options.rounds};
  const auto wanted = [&](const char* operation) {
    return std::count(options.operations.begin(), options.operations.end(), operation) > 0;
  };
  const Timer timer;
  for (const std::string& scene_name : options.scenes) {
    fmt::print(stderr, "gpu_bench: scene {}\n", scene_name);
    const Scene scene = make_scene(scene_name);
    const Tensor lattice = scene.coordinates.to(kCuda);
    if (wanted("map")) bench_map_step(scene, lattice, timer, options.rounds, report);
    if (wanted("layers")) bench_layers(scene, lattice, timer, options.rounds, report);
    if (wanted("networks")) bench_networks(scene, lattice, timer, options.rounds, report);
    write_json(report, options.output);  // what is there, should time run out
  }
  fmt::print("{}", to_markdown(report));
}

}  // namespace
}  // namespace gavotte::bench

int main(int argc, char** argv) {
  gavotte::bench::Options options;
  CLI::App app{"Times Gavotte's map step, layers and networks on a GPU."};
  app.add_option("-o,--output", options.output, "JSON file of the rows")->capture_default_str();
  app.add_option("--scenes", options.scenes,
                 "Scenes by name: random_N, lidar_C, room_C (C: voxels in cm), sphere_R")
      ->capture_default_str();
  app.add_option("--operations", options.operations, "What to measure")
      ->check(CLI::IsMember({"map", "layers", "networks"}))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of each comparison")
      ->check(CLI::Range(1, 1001))
      ->capture_default_str();
  app.add_option("--commit", options.commit, "Named in the report")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::string command = "gavotte_gpu_bench";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  try {
    gavotte::bench::run(options, command);
  } catch (const std::exception& error) {
    fmt::print(stderr, "gavotte_gpu_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
