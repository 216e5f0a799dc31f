#include "tuned_bench.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <string>
#include <utility>

#include "compare.h"
#include "gavotte/convolution.h"
#include "gavotte/executor.h"
#include "gavotte/network.h"
#include "map_bench.h"

namespace gavotte::bench {
namespace {

constexpr std::int64_t kInChannels = 4, kClasses = 20;
constexpr std::array<std::pair<std::int64_t, std::int64_t>, 9> kWidths = {
    {{4, 16}, {8, 8}, {16, 16}, {32, 32}, {64, 64}, {64, 96}, {128, 128}, {256, 256}, {256, 384}}};

void add_rows(Row row, std::vector<Contender> contenders, int rounds, Report& report) {
  const Comparison times =
      compare(contenders, rounds, row.threads == 1 ? Clock::thread : Clock::wall);
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    row.library = contenders[i].name;
    row.median_ms = times.median_ms(i);
    row.ratio = times.ratio(i);
    row.ratio_to = contenders[0].name;
    report.rows.push_back(row);
  }
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

void bench_layer(const Scene& scene, const KernelMap& map, LayerKind kind,
                 const DeviceConfig& config, int rounds, Report& report) {
  const Execution execution{.threads = kind.threads};
  const Tensor x = filled({map.in_rows(), kind.in_channels});
  const Tensor grad_y = filled({map.out_rows(), kind.out_channels});
  const Tensor weights = filled({map.offsets(), kind.in_channels, kind.out_channels});
  for (const Direction direction : {Direction::forward, Direction::dgrad, Direction::wgrad}) {
    kind.direction = direction;
    const LayerChoice choice = config.find(kind, map.out_rows(), map.pairs());
    if (choice.config == ConvConfig{}) continue;  // the default itself
    const auto run = [&](const ConvConfig& how) -> std::function<void()> {
      return [&x, &grad_y, &weights, &map, &execution, direction, how] {
        if (direction == Direction::forward)
          convolution(x, weights, map, 1, {}, how, execution);
        else if (direction == Direction::dgrad)
          convolution_dgrad(grad_y, weights, map, 1, how, execution);
        else
          convolution_wgrad(x, grad_y, map, 1, how, execution);
      };
    };
    add_rows({.scene = scene.name,
              .operation = std::string(name(direction)),
              .layer = fmt::format("{} {}->{}", kind.kernel, kind.in_channels, kind.out_channels),
              .dtype = std::string(name(kind.dtype)),
              .threads = kind.threads},
             {{"gavotte default", run({})},
              {fmt::format("gavotte tuned ({})", name(choice.source)), run(choice.config)}},
             rounds, report);
  }
}

}  // namespace

void bench_tuned(const Scene& scene, const TunedConfig& config, const std::vector<int>& threads,
                 int rounds, Report& report) {
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  for (const int count : threads) {
    bench_networks(scene, config, count, rounds, report);
    for (const auto& [in, out] : kWidths)
      bench_layer(scene, map,
                  {.kernel = kernel_name(ConvSpec::submanifold(3), 3),
                   .in_channels = in,
                   .out_channels = out,
                   .threads = count},
                  *config, rounds, report);
  }
}

}  // namespace gavotte::bench
