#include "tuned_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "compare.h"
#include "gavotte/executor.h"
#include "gavotte/network.h"
#include "layer_run.h"
#include "map_bench.h"
#include "problems.h"

namespace gavotte::bench {
namespace {

constexpr std::int64_t kInChannels = 4, kClasses = 20;
constexpr std::array<std::pair<std::int64_t, std::int64_t>, 9> kWidths = {
    {{4, 16}, {8, 8}, {16, 16}, {32, 32}, {64, 64}, {64, 96}, {128, 128}, {256, 256}, {256, 384}}};

void add_rows(const Row& like, const std::vector<Contender>& contenders, int rounds,
              Report& report) {
  report.add(rows_of(like, contenders, compare(contenders, rounds, clock_for(like.threads))));
}

void bench_networks(const Scene& scene, const TunedConfig& config, int threads, int rounds,
                    Report& report) {
  const Tensor features = filled({scene.coordinates.rows(), kInChannels});
  for (const std::string_view name : builtin_networks()) {
    const Network network = make_network(name, kInChannels, kClasses);
    for (const DType dtype : {DType::float32, DType::bfloat16}) {
      Executor standard(network, {.dtype = dtype, .threads = threads});
      Executor tuned(network, {.dtype = dtype, .threads = threads, .config = config});
      const auto run = [&](Executor& executor) {
        return
            [&] { executor.run(std::as_const(scene.coordinates), std::as_const(features).view()); };
      };
      add_rows({.scene = scene.name,
                .operation = "network",
                .layer = std::string(name),
                .dtype = std::string(gavotte::name(dtype)),
                .threads = threads},
               {{"gavotte default", run(standard)}, {"gavotte tuned", run(tuned)}}, rounds, report);
    }
  }
}

/// Layers of both networks and of kWidths, in each direction, those of one kind and size once.
internal::Problems layers_of(const Scene& scene, const KernelMap& map, const Execution& execution) {
  constexpr std::array<Direction, 3> kDirections = {Direction::forward, Direction::dgrad,
                                                    Direction::wgrad};
  internal::Problems problems(execution);
  Voxels voxels;
  voxels.coordinates = scene.coordinates;
  voxels.features = filled({scene.coordinates.rows(), kInChannels});
  for (const std::string_view name : builtin_networks()) {
    const Network network = make_network(name, kInChannels, kClasses);
    problems.add(network, voxels, DType::float32, kDirections);
    problems.add(network, voxels, DType::bfloat16, std::span(kDirections).first(1));
  }
  for (const auto& [in, out] : kWidths)
    for (const Direction direction : kDirections)
      problems.add({.name = {},
                    .kind = {.kernel = kernel_name(ConvSpec::submanifold(3), 3),
                             .in_channels = in,
                             .out_channels = out,
                             .direction = direction,
                             .threads = execution.threads},
                    .map = map});
  return problems;
}

/// Times the layers that the config changes; notes what it gains over all of them.
void bench_layers(const Scene& scene, const KernelMap& map, const DeviceConfig& config, int threads,
                  int rounds, Report& report) {
  const Execution execution{.threads = threads};
  const internal::Problems problems = layers_of(scene, map, execution);
  std::size_t changed = 0;
  double log_ratios = 0;
  for (const internal::LayerItem& item : problems.layers()) {
    const LayerKind& kind = item.problem.kind;
    const LayerChoice choice =
        config.find(kind, item.problem.map.out_rows(), item.problem.map.pairs());
    if (choice.config == ConvConfig{}) continue;
    internal::LayerRun layer(item.problem, execution);
    add_rows({.scene = scene.name,
              .operation = std::string(name(kind.direction)),
              .layer = fmt::format("{} {}->{}", kind.kernel, kind.in_channels, kind.out_channels),
              .dtype = std::string(name(kind.dtype)),
              .threads = threads},
             {{"gavotte default", [&] { layer.run({}); }},
              {fmt::format("gavotte tuned ({})", name(choice.source)),
               [&] { layer.run(choice.config); }}},
             rounds, report);
    ++changed;
    log_ratios += std::log(report.rows.back().ratio);
  }
  const std::size_t all = problems.layers().size();
  report.notes.push_back(fmt::format(
      "{}, {} thread{}: the config runs {} of {} layers in another way than the default, which are "
      "below; geometric mean of the ratios of all, 1 for those that it leaves: {:.3f}",
      scene.name, threads, threads == 1 ? "" : "s", changed, all,
      std::exp(log_ratios / static_cast<double>(std::max<std::size_t>(all, 1)))));
}

}  // namespace

void bench_tuned(const Scene& scene, const TunedConfig& config, const std::vector<int>& threads,
                 int rounds, Report& report) {
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  for (const int count : threads) {
    bench_networks(scene, config, count, rounds, report);
    bench_layers(scene, map, *config, count, rounds, report);
  }
}

}  // namespace gavotte::bench
