#include "dtype_bench.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "compare.h"
#include "gavotte/convolution.h"
#include "gavotte/sparse_ops.h"
#include "map_bench.h"

namespace gavotte::bench {

void bench_dtypes(const Scene& scene, int rounds, Report& report) {
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  const Execution execution{.threads = 1};
  ConvConfig config;
  config.dataflow = Dataflow::tile_indirect;
  constexpr DType kDTypes[] = {DType::float32, DType::bfloat16};
  for (const std::int64_t channels : {16, 32, 64, 128, 256}) {
    for (const bool backward : {false, true}) {
      std::vector<Contender> contenders;
      for (const DType dtype : kDTypes) {
        const Tensor x = convert(filled({map.in_rows(), channels}), dtype);
        const Tensor weights = convert(filled({map.offsets(), channels, channels}), dtype);
        Tensor y(dtype, {map.out_rows(), channels});
        contenders.push_back({fmt::format("gavotte {}", name(dtype)), [=, &map]() mutable {
                                if (backward) {
                                  convolution_dgrad_into(y, x, weights, map, 1, config, execution);
                                } else {
                                  convolution_into(y, x, weights, map, 1, {}, config, execution);
                                }
                              }});
      }
      const std::vector<double> medians = compare(contenders, rounds, Clock::thread);
      for (std::size_t i = 0; i < contenders.size(); ++i)
        report.rows.push_back({.scene = scene.name,
                               .operation = backward ? "dgrad" : "forward",
                               .layer = fmt::format("3x3x3 {}->{}", channels, channels),
                               .dtype = std::string(name(kDTypes[i])),
                               .threads = 1,
                               .library = contenders[i].name,
                               .median_ms = medians[i],
                               .ratio = medians[0] / medians[i],
                               .ratio_to = contenders[0].name});
    }
  }
}

}  // namespace gavotte::bench
