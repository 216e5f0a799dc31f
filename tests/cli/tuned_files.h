// Small device configs that tests of the command write for themselves.
#pragma once

#include "gavotte/device_config.h"

namespace gavotte::test {

/// Of a CPU that no machine has.
inline DeviceIdentity made_up_cpu() {
  return {.kind = DeviceKind::cpu,
          .name = "Made-up CPU",
          .target = "AVX9",
          .units = 8,
          .cache_bytes = 1 << 20,
          .clock_mhz = 3000};
}

inline TunedLayer tuned_layer(std::int64_t in_channels, std::int64_t rows, std::int32_t tile_rows) {
  ConvConfig config;
  config.dataflow = Dataflow::tile_indirect;
  config.tile_rows = tile_rows;
  return {.kind = {.kernel = "3x3x3 s1 submanifold",
                   .in_channels = in_channels,
                   .out_channels = 32,
                   .threads = 2},
          .rows = rows,
          .pairs = rows * 5,
          .config = config,
          .measured = {.ms = 1.5, .default_ms = 1.8, .noise = 0.02, .samples = 31}};
}

inline TunedMap tuned_map(std::int64_t rows, std::int32_t query_tile) {
  return {.kind = {.kernel = "2x2x2 s2 strided", .threads = 2},
          .rows = rows,
          .pairs = rows * 3,
          .config = {.query_tile = query_tile},
          .measured = {.ms = 0.25, .default_ms = 0.5, .noise = 0.01, .samples = 20}};
}

/// A layer, a map and a fit of the cost model.
inline DeviceConfig small_config() {
  DeviceConfig config(made_up_cpu());
  config.put(tuned_layer(16, 40000, 256));
  config.put(tuned_map(20000, 1024));
  config.put(CostFit{.threads = 2, .ns = {0.5, 2.25}, .error = 0.08, .samples = 40});
  return config;
}

}  // namespace gavotte::test
