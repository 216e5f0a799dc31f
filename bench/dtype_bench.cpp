#include "dtype_bench.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "compare.h"
#include "gavotte/convolution.h"
#include "gavotte/sparse_ops.h"
#include "map_bench.h"
#include "register_peak.h"

namespace gavotte::bench {

namespace {

constexpr DType kDTypes[] = {DType::float32, DType::bfloat16};

}  // namespace

void bench_dtypes(const Scene& scene, int rounds, Report& report) {
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  const Execution execution{.threads = 1};
  ConvConfig config;
  config.dataflow = Dataflow::tile_indirect;
  for (const std::int64_t channels : {16, 32, 64, 128, 256}) {
    const double operations = 2.0 * static_cast<double>(map.pairs() * channels * channels);
    for (const bool backward : {false, true}) {
      std::vector<Contender> layers, peaks;
      for (const DType dtype : kDTypes) {
        const Tensor x = convert(filled({map.in_rows(), channels}), dtype);
        const Tensor weights = convert(filled({map.offsets(), channels, channels}), dtype);
        Tensor y(dtype, {map.out_rows(), channels});
        layers.push_back({fmt::format("gavotte {}", name(dtype)), [=, &map]() mutable {
                            if (backward) {
                              convolution_dgrad_into(y, x, weights, map, 1, config, execution);
                            } else {
                              convolution_into(y, x, weights, map, 1, {}, config, execution);
                            }
                          }});
        Contender registers = from_registers(dtype, operations);
        if (registers.call) peaks.push_back(std::move(registers));
      }
      std::vector<Contender> contenders = layers;
      contenders.insert(contenders.end(), peaks.begin(), peaks.end());
      const Comparison times = compare(contenders, rounds, Clock::thread);
      const auto add = [&](std::size_t i, std::size_t to) {
        report.rows.push_back({.scene = scene.name,
                               .operation = backward ? "dgrad" : "forward",
                               .layer = fmt::format("3x3x3 {}->{}", channels, channels),
                               .dtype = std::string(name(kDTypes[i])),
                               .threads = 1,
                               .library = contenders[i].name,
                               .median_ms = times.median_ms(i),
                               .ratio = times.ratio(i, to),
                               .ratio_to = contenders[to].name});
      };
      for (std::size_t i = 0; i < layers.size(); ++i) {
        add(i, 0);
        for (std::size_t to = layers.size(); to < contenders.size(); ++to)
          if (contenders[to].name.ends_with(name(kDTypes[i]))) add(i, to);
      }
    }
  }
}

}  // namespace gavotte::bench
