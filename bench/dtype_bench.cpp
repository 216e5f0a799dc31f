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
      std::vector<Contender> layers;
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
        put_registers_beside(layers.back(), dtype, operations, 1);
      }
      const Comparison times = compare(layers, rounds, Clock::thread);
      for (std::size_t i = 0; i < layers.size(); ++i) {
        Row row{.scene = scene.name,
                .operation = backward ? "dgrad" : "forward",
                .layer = fmt::format("3x3x3 {}->{}", channels, channels),
                .dtype = std::string(name(kDTypes[i])),
                .threads = 1,
                .library = layers[i].name,
                .median_ms = times.median_ms(i),
                .ratio = times.ratio(i),
                .ratio_to = layers[0].name};
        report.rows.push_back(row);
        if (!layers[i].beside) continue;
        row.ratio = times.ratio_to_beside(i);
        row.ratio_to = from_registers(kDTypes[i], 0).name;
        report.rows.push_back(std::move(row));
      }
    }
  }
}

}  // namespace gavotte::bench
