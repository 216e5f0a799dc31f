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
constexpr std::array<Width, 5> kWidths = {{{4, 16}, {16, 16}, {32, 32}, {64, 64}, {128, 128}}};

}  // namespace

void bench_layers(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report) {
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  for (const Width width : kWidths) {
    const Tensor x = filled({map.in_rows(), width.in});
    const Tensor weights = filled({map.offsets(), width.in, width.out});
    for (const int count : threads) {
      const Execution execution{.threads = count};
      std::vector<Contender> contenders;
      std::vector<double> padding;
      const auto add = [&](std::string_view library, const ConvConfig& config) {
        contenders.push_back({fmt::format("gavotte {}", library), [=, &x, &weights] {
                                convolution(x, weights, map, 1, {}, config, execution);
                              }});
        padding.push_back(internal::backend(execution.device)
                              .padding_ratio({map, width.in, width.out, 1, config}));
      };
      for (const GroupingPolicy policy :
           {GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none}) {
        ConvConfig config;
        config.dataflow = Dataflow::gather_gemm_scatter;
        config.grouping = policy;
        add(fmt::format("grouping {}", name(policy)), config);
      }
      ConvConfig indirect;
      indirect.dataflow = Dataflow::tile_indirect;
      add(name(indirect.dataflow), indirect);
      const std::vector<double> medians = compare(contenders, rounds);
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        report.rows.push_back({.scene = scene.name,
                               .operation = "forward",
                               .layer = fmt::format("3x3x3 {}->{}", width.in, width.out),
                               .dtype = "float32",
                               .threads = count,
                               .library = contenders[i].name,
                               .median_ms = medians[i],
                               .ratio = medians[0] / medians[i],
                               .ratio_to = contenders[0].name,
                               .padding = padding[i]});
      }
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
    const std::vector<double> medians = compare(contenders, rounds);
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      report.rows.push_back({.scene = scene.name,
                             .operation = "network",
                             .layer = std::string(network_name),
                             .dtype = "float32",
                             .threads = threads[i],
                             .library = contenders[i].name,
                             .median_ms = medians[i],
                             .ratio = medians[0] / medians[i],
                             .ratio_to = contenders[0].name});
    }
  }
}

}  // namespace gavotte::bench
