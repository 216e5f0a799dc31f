// A run by a device config: which config each layer got, and the bits of the result.
#include <gtest/gtest.h>

#include <algorithm>

#include "executor/scene.h"
#include "gavotte/executor.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::bytes_of;
using test::expect_error;
using test::make_scan;
using test::Scan;

DeviceConfig of_this_machine() { return DeviceConfig(DeviceIdentity::of(Device::cpu())); }

Scan scan() { return make_scan(600, 12, 3, 41, {0, 1}); }

RunStats run(const ExecutorOptions& options, std::vector<std::byte>* bytes = nullptr) {
  Executor executor(test::small_network(), options);
  const Scan input = scan();
  const Result result = executor.run(input.coordinates, input.features);
  if (bytes != nullptr) *bytes = bytes_of(result);
  return result.stats;
}

bool multiplies(const LayerStats& layer) { return layer.gflop > 0; }

// An entry for each layer that multiplies, as the run itself names it.
DeviceConfig tuned_for(const RunStats& stats, const ConvConfig& config) {
  DeviceConfig tuned = of_this_machine();
  for (const LayerStats& layer : stats.layers) {
    if (!multiplies(layer)) continue;
    TunedLayer entry;
    entry.kind = {.kernel = layer.kernel,
                  .in_channels = layer.in_channels,
                  .out_channels = layer.out_channels,
                  .threads = 2};
    entry.rows = layer.out_voxels;
    entry.pairs = layer.pairs;
    entry.config = config;
    tuned.put(entry);
  }
  return tuned;
}

TEST(TunedExecutor, RunsEachLayerAsItsEntrySays) {
  std::vector<std::byte> expected, bytes;
  const RunStats plain = run({.threads = 2}, &expected);
  for (const LayerStats& layer : plain.layers) {
    EXPECT_EQ(layer.config_source, ConfigSource::built_in) << layer.name;
    EXPECT_EQ(layer.config, ConvConfig{}) << layer.name;
  }
  ConvConfig config;
  config.tile_rows = 64;
  config.threads = 1;
  const RunStats tuned = run({.threads = 2, .config = tuned_for(plain, config)}, &bytes);
  int layers = 0;
  for (const LayerStats& layer : tuned.layers) {
    if (!multiplies(layer) || layer.kernel.empty()) continue;
    ++layers;
    EXPECT_EQ(layer.config_source, ConfigSource::exact) << layer.name;
    EXPECT_EQ(layer.config, config) << layer.name;
  }
  EXPECT_GT(layers, 3);
  EXPECT_EQ(bytes, expected);  // the size of a tile changes no bit
}

// Weights are packed once for tile_indirect; another dataflow needs them as they are.
TEST(TunedExecutor, ChangesTheDataflowOfALayer) {
  ConvConfig config;
  config.dataflow = Dataflow::gather_gemm_scatter;
  const RunStats plain = run({.threads = 2});
  for (const DType dtype : {DType::float32, DType::bfloat16}) {
    std::vector<std::byte> expected, bytes;
    run({.dtype = dtype, .threads = 2, .conv_config = config}, &expected);
    DeviceConfig tuned = of_this_machine();
    const DeviceConfig of_float32 = tuned_for(plain, config);
    for (TunedLayer layer : of_float32.layers()) {
      layer.kind.dtype = dtype;
      tuned.put(layer);
    }
    const RunStats stats = run({.dtype = dtype, .threads = 2, .config = tuned}, &bytes);
    EXPECT_TRUE(std::any_of(stats.layers.begin(), stats.layers.end(), [](const LayerStats& layer) {
      return layer.config.dataflow == Dataflow::gather_gemm_scatter;
    }));
    EXPECT_EQ(bytes, expected) << name(dtype);
  }
}

// Constants of the cost model alone choose no dataflow, so that they cost no memory.
TEST(TunedExecutor, KeepsWeightsTwiceOnlyWhereALayerGathers) {
  const RunStats plain = run({.threads = 2});
  DeviceConfig tuned = tuned_for(plain, {});
  tuned.put(CostFit{.dataflow = Dataflow::gather_gemm_scatter,
                    .threads = 2,
                    .ns = {1, 1, 1, 1, 1, 1, 1},
                    .samples = 100});
  EXPECT_EQ(run({.threads = 2, .config = tuned}).weight_bytes, plain.weight_bytes);
  ConvConfig gathers;
  gathers.dataflow = Dataflow::gather_gemm_scatter;
  const DeviceConfig both = tuned_for(plain, gathers);
  EXPECT_GT(run({.threads = 2, .config = both}).weight_bytes, plain.weight_bytes);
}

TEST(TunedExecutor, RunsOtherLayersAsTheCallerSays) {
  ConvConfig mine;
  mine.tile_rows = 96;
  const RunStats plain = run({.threads = 2});
  // Of another number of threads: for no layer of this run.
  DeviceConfig tuned = of_this_machine();
  const DeviceConfig of_two = tuned_for(plain, {});
  for (TunedLayer layer : of_two.layers()) {
    layer.kind.threads = 5;
    tuned.put(layer);
  }
  const RunStats stats = run({.threads = 2, .config = tuned, .conv_config = mine});
  for (const LayerStats& layer : stats.layers) {
    EXPECT_EQ(layer.config_source, ConfigSource::built_in) << layer.name;
    if (multiplies(layer)) {
      EXPECT_EQ(layer.config, mine) << layer.name;
    }
  }
}

TEST(TunedExecutor, BuildsMapsAsTheirEntriesSay) {
  const RunStats plain = run({.threads = 2});
  DeviceConfig tuned = of_this_machine();
  for (const LayerStats& layer : plain.layers) {
    if (layer.kernel.empty()) continue;
    TunedMap map;
    map.kind = {layer.kernel, 2};
    map.rows = layer.out_voxels;
    map.config.builder = MapBuilder::double_traversal;
    map.config.block_size = 32;
    tuned.put(map);
  }
  std::vector<std::byte> expected, bytes;
  run({.threads = 2}, &expected);
  run({.threads = 2, .config = tuned}, &bytes);
  EXPECT_EQ(bytes, expected);
}

TEST(TunedExecutor, RefusesAConfigOfAnotherDevice) {
  DeviceIdentity other = DeviceIdentity::of(Device::cpu());
  other.name = "Another CPU";
  const DeviceConfig config(other);
  const Network network = test::small_network();
  expect_error("the config is for Another CPU", [&] { Executor(network, {.config = config}); });
  Executor(network, {.config = config, .other_device = OtherDevice::accept});
  expect_error("no regular file", [&] { Executor(network, {.config = "/no/such/file.json"}); });
}

}  // namespace
}  // namespace gavotte
