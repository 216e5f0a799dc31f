#include "layer_bench.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "backend.h"
#include "compare.h"
#include "gavotte/convolution.h"
#include "gavotte/executor.h"
#include "gavotte/network.h"
#include "map_bench.h"

namespace gavotte::bench {

namespace {

struct Width {
  std::int64_t in, out;
};
constexpr std::array<Width, 6> kWidths = {
    {{4, 16}, {16, 16}, {32, 32}, {64, 64}, {128, 128}, {256, 256}}};

ConvConfig with(Dataflow dataflow) {
  ConvConfig config;
  config.dataflow = dataflow;
  return config;
}

/// One layer on one number of threads.
struct Layer {
  const Scene& scene;
  const KernelMap& map;
  Width width;
  Execution execution;
};

/// A row for each contender; the first is what the others are compared with. One thread: its CPU time counts.
void add_rows(const Layer& layer, const std::string& operation,
              const std::vector<Contender>& contenders, int rounds,
              const std::vector<double>& padding, Report& report) {
  const int threads = layer.execution.threads;
  std::vector<Row> rows =
      rows_of({.scene = layer.scene.name,
               .operation = operation,
               .layer = fmt::format("3x3x3 {}->{}", layer.width.in, layer.width.out),
               .dtype = "float32",
               .threads = threads},
              contenders, compare(contenders, rounds, clock_for(threads)));
  for (std::size_t i = 0; i < padding.size(); ++i) rows[i].padding = padding[i];
  report.add(rows);
}

void bench_forward(const Layer& layer, const Tensor& x, const Tensor& weights, int rounds,
                   Report& report) {
  std::vector<Contender> contenders;
  std::vector<double> padding;
  const auto add = [&](std::string_view library, const ConvConfig& config) {
    contenders.push_back({fmt::format("gavotte {}", library), [=, &layer, &x, &weights] {
                            convolution(x, weights, layer.map, 1, {}, config, layer.execution);
                          }});
    padding.push_back(internal::backend(layer.execution.device)
                          .padding_ratio({layer.map, layer.width.in, layer.width.out, 1, config}));
  };
  for (const GroupingPolicy policy :
       {GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none}) {
    ConvConfig config = with(Dataflow::gather_gemm_scatter);
    config.grouping = policy;
    add(fmt::format("grouping {}", name(policy)), config);
  }
  add(name(Dataflow::tile_indirect), with(Dataflow::tile_indirect));
  add_rows(layer, "forward", contenders, rounds, padding, report);
}

/// The weights' gradient by both dataflows; then both gradients, twice a forward pass's products, compared with it.
void bench_backward(const Layer& layer, const Tensor& x, const Tensor& weights,
                    const Tensor& grad_y, int rounds, Report& report) {
  const auto wgrad = [&](Dataflow dataflow) {
    convolution_wgrad(x, grad_y, layer.map, 1, with(dataflow), layer.execution);
  };
  std::vector<Contender> contenders;
  for (const Dataflow dataflow : {Dataflow::gather_gemm_scatter, Dataflow::tile_indirect})
    contenders.push_back({fmt::format("gavotte {}", name(dataflow)), [=] { wgrad(dataflow); }});
  add_rows(layer, "wgrad", contenders, rounds, {}, report);
  const ConvConfig config = with(Dataflow::tile_indirect);
  add_rows(layer, "backward",
           {{"gavotte tile_indirect forward",
             [&] { convolution(x, weights, layer.map, 1, {}, config, layer.execution); }},
            {"gavotte tile_indirect dgrad + wgrad",
             [&] {
               convolution_dgrad(grad_y, weights, layer.map, 1, config, layer.execution);
               wgrad(Dataflow::tile_indirect);
             }}},
           rounds, {}, report);
}

}  // namespace

void bench_layers(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report) {
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  for (const Width width : kWidths) {
    const Tensor x = filled({map.in_rows(), width.in});
    const Tensor grad_y = filled({map.out_rows(), width.out});
    const Tensor weights = filled({map.offsets(), width.in, width.out});
    for (const int count : threads) {
      const Layer layer{scene, map, width, {.threads = count}};
      bench_forward(layer, x, weights, rounds, report);
      bench_backward(layer, x, weights, grad_y, rounds, report);
    }
  }
}

void bench_networks(const Scene& scene, const std::vector<int>& threads, int rounds,
                    Report& report) {
  constexpr std::int64_t kInChannels = 4, kClasses = 20;
  const Tensor features = filled({scene.coordinates.rows(), kInChannels});
  for (const std::string_view network_name : builtin_networks()) {
    const Network network = make_network(network_name, kInChannels, kClasses);
    std::vector<Executor> executors;
    std::vector<Contender> contenders;
    executors.reserve(threads.size());
    for (const int count : threads) {
      executors.emplace_back(network, ExecutorOptions{.threads = count});
      contenders.push_back({fmt::format("gavotte {} threads", count),
                            [&executor = executors.back(), &scene, &features] {
                              executor.run(std::as_const(scene.coordinates), features);
                            }});
    }
    std::vector<Row> rows = rows_of({.scene = scene.name,
                                     .operation = "network",
                                     .layer = std::string(network_name),
                                     .dtype = "float32"},
                                    contenders, compare(contenders, rounds));
    for (std::size_t i = 0; i < threads.size(); ++i) rows[i].threads = threads[i];
    report.add(rows);
  }
}

}  // namespace gavotte::bench
