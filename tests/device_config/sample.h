// A small config of every kind of entry.
#pragma once

#include <string>

#include "gavotte/device_config.h"

namespace gavotte::test {

inline DeviceIdentity sample_cpu() {
  return {.name = "Test CPU", .target = "AVX3", .units = 8, .cache_bytes = 1 << 20};
}

inline LayerKind sample_kind() {
  return {.kernel = "3x3x3 s1 submanifold", .in_channels = 32, .out_channels = 64, .threads = 2};
}

/// tile_rows tells the entries apart.
inline TunedLayer sample_layer(std::int64_t rows, std::int32_t tile_rows) {
  TunedLayer layer;
  layer.kind = sample_kind();
  layer.rows = rows;
  layer.pairs = 6 * rows;
  layer.config.tile_rows = tile_rows;
  layer.measured = {.ms = 1.25, .default_ms = 1.5, .noise = 0.03125, .samples = 21};
  return layer;
}

inline TunedMap sample_map(std::int64_t rows, std::int32_t query_tile) {
  TunedMap map;
  map.kind = {"3x3x3 s1 submanifold", 2};
  map.rows = rows;
  map.pairs = 6 * rows;
  map.config.query_tile = query_tile;
  map.measured = {.ms = 0.5, .default_ms = 0.75, .noise = 0.125, .samples = 9};
  return map;
}

inline DeviceConfig sample_config() {
  DeviceConfig config(sample_cpu());
  config.put(sample_layer(1000, 256));
  config.put(sample_layer(100'000, 1024));
  config.put(sample_map(5000, 2048));
  config.put(CostFit{.ns = {0.5, 0.25}, .error = 0.125, .samples = 40});
  return config;
}

}  // namespace gavotte::test
