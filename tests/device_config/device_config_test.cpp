// What a config holds, and the look-up in it.
#include <gtest/gtest.h>

#include <limits>

#include "device_config/sample.h"
#include "network/expect_error.h"

namespace gavotte {
namespace {

using test::expect_error;
using test::sample_config;
using test::sample_cpu;
using test::sample_kind;
using test::sample_layer;
using test::sample_map;

TEST(KernelName, TellsSpecsApart) {
  EXPECT_EQ(kernel_name(ConvSpec::submanifold(3), 3), "3x3x3 s1 submanifold");
  EXPECT_EQ(kernel_name(ConvSpec::strided(2, 2), 3), "2x2x2 s2 strided");
  EXPECT_EQ(kernel_name(ConvSpec::transposed({1, 3, 1}, {1, 2, 1}), 3), "1x3x1 s1x2x1 transposed");
  EXPECT_EQ(kernel_name(ConvSpec::submanifold(5, 2), 2), "5x5 s1 d2 submanifold");
}

TEST(SizeBucket, HoldsAPowerOfTwoUpToTheNext) {
  EXPECT_EQ(size_bucket(0), 0);
  EXPECT_EQ(size_bucket(1), 0);
  EXPECT_EQ(size_bucket(2), 1);
  EXPECT_EQ(size_bucket(3), 1);
  EXPECT_EQ(size_bucket(4), 2);
  EXPECT_EQ(size_bucket((std::int64_t{1} << 40) - 1), 39);
  EXPECT_EQ(size_bucket(std::int64_t{1} << 40), 40);
}

TEST(DeviceConfig, FindsTheEntryOfTheSizeFirst) {
  DeviceConfig config(sample_cpu());
  config.put(sample_layer(1000, 256));   // 512 to 1023
  config.put(sample_layer(3000, 1024));  // 2048 to 4095
  const auto found = [&](std::int64_t rows) { return config.find(sample_kind(), rows, 6 * rows); };
  EXPECT_EQ(found(1023).source, ConfigSource::exact);
  EXPECT_EQ(found(1023).config.tile_rows, 256);
  EXPECT_EQ(found(512).source, ConfigSource::exact);
  EXPECT_EQ(found(4095).source, ConfigSource::exact);
  EXPECT_EQ(found(4095).config.tile_rows, 1024);
}

TEST(DeviceConfig, TakesTheNextSizeWhereItsOwnIsMissing) {
  DeviceConfig config(sample_cpu());
  config.put(sample_layer(1000, 256));
  config.put(sample_layer(3000, 1024));
  const auto found = [&](std::int64_t rows) { return config.find(sample_kind(), rows, 6 * rows); };
  // Both neighbours of 1024 to 2047 are there: the nearer one by ratio.
  EXPECT_EQ(found(1100).source, ConfigSource::nearest);
  EXPECT_EQ(found(1100).config.tile_rows, 256);
  EXPECT_EQ(found(2000).config.tile_rows, 704);  // three tiles, as at 3000 rows
  EXPECT_EQ(found(300).config.tile_rows,
            128);  // three of the four that were wanted, in whole units
  EXPECT_EQ(found(8000).config.tile_rows, 1024);
  // Further away the default is as good a guess.
  EXPECT_EQ(found(200).source, ConfigSource::built_in);
  EXPECT_EQ(found(9000).source, ConfigSource::built_in);
  EXPECT_EQ(found(200).config, ConvConfig{});
}

// Timed at 1000 rows as two tiles, one a thread: a map of 520 rows would be one tile, and leave a thread without work.
TEST(DeviceConfig, CutsSmallerMapsIntoAsManyTiles) {
  TunedLayer layer = sample_layer(1000, 512);
  const auto find = [&](std::int64_t rows) {
    DeviceConfig config(sample_cpu());
    config.put(layer);
    return config.find(layer.kind, rows, 6 * rows).config;
  };
  EXPECT_EQ(find(1000), layer.config);
  EXPECT_EQ(find(1023), layer.config);
  EXPECT_EQ(find(520).tile_rows, 320);
  EXPECT_EQ(find(520).wgrad_chunk_pairs, layer.config.wgrad_chunk_pairs);  // not of this direction
  layer.config.tile_rows = 64;  // 16 tiles, four for each thread are enough
  EXPECT_EQ(find(520).tile_rows, 64);
  layer.config.tile_rows = 1024;  // one tile was fastest
  EXPECT_EQ(find(520).tile_rows, 576);
  layer.kind.direction = Direction::wgrad;
  layer.config = {};
  layer.config.wgrad_chunk_pairs = 512;
  EXPECT_EQ(find(520).wgrad_chunk_pairs, 320);
  layer.kind.threads = 1;
  EXPECT_EQ(find(520), layer.config);
}

TEST(DeviceConfig, TellsKindsApart) {
  const DeviceConfig config = sample_config();
  const auto source = [&](const LayerKind& kind) { return config.find(kind, 1000, 6000).source; };
  EXPECT_EQ(source(sample_kind()), ConfigSource::exact);
  for (const auto& change : std::vector<void (*)(LayerKind&)>{
           [](LayerKind& kind) { kind.kernel = "5x5x5 s1 submanifold"; },
           [](LayerKind& kind) { kind.in_channels = 31; },
           [](LayerKind& kind) { kind.out_channels = 65; },
           [](LayerKind& kind) { kind.groups = 2; },
           [](LayerKind& kind) { kind.dtype = DType::bfloat16; },
           [](LayerKind& kind) { kind.direction = Direction::wgrad; },
           [](LayerKind& kind) { kind.threads = 1; }}) {
    LayerKind kind = sample_kind();
    change(kind);
    EXPECT_EQ(config.entry(kind, 1000), nullptr) << kind.to_string();
  }
}

TEST(DeviceConfig, GivesTheCallersDefaultAndPermission) {
  const DeviceConfig config = sample_config();
  ConvConfig mine;
  mine.tile_rows = 77;
  mine.allow_tf32 = true;
  LayerKind unknown = sample_kind();
  unknown.in_channels = 3;
  EXPECT_EQ(config.find(unknown, 1000, 6000, mine).config, mine);
  const LayerChoice known = config.find(sample_kind(), 1000, 6000, mine);
  EXPECT_EQ(known.config.tile_rows, 256);
  EXPECT_TRUE(known.config.allow_tf32);  // a permission of the caller's, whatever was tuned
}

TEST(DeviceConfig, FindsMaps) {
  const DeviceConfig config = sample_config();
  const MapKind kind{"3x3x3 s1 submanifold", 2};
  EXPECT_EQ(config.find(kind, 5000).config.query_tile, 2048);
  EXPECT_EQ(config.find(kind, 5000).source, ConfigSource::exact);
  EXPECT_EQ(config.find(kind, 9000).source, ConfigSource::nearest);
  EXPECT_EQ(config.find(kind, 100'000).source, ConfigSource::built_in);
  EXPECT_EQ(config.find(MapKind{kind.kernel, 1}, 5000).source, ConfigSource::built_in);
}

TEST(DeviceConfig, KeepsOneEntryOfAKindAndSize) {
  DeviceConfig config(sample_cpu());
  config.put(sample_layer(1000, 256));
  config.put(sample_layer(600, 512));  // of the same bucket
  ASSERT_EQ(config.layers().size(), 1U);
  EXPECT_EQ(config.layers()[0].config.tile_rows, 512);
  config.put(sample_map(1000, 1));
  config.put(sample_map(900, 2));
  ASSERT_EQ(config.maps().size(), 1U);
  config.put(CostFit{.ns = {1}});
  config.put(CostFit{.ns = {2}});
  ASSERT_EQ(config.cost_model().size(), 1U);
  EXPECT_EQ(config.cost_model()[0].ns[0], 2);
}

TEST(DeviceConfig, MergesNewerEntries) {
  DeviceConfig config = sample_config();
  DeviceConfig newer(sample_cpu());
  newer.put(sample_layer(900, 333));
  newer.put(sample_layer(5'000'000, 4096));
  config.merge(newer);
  EXPECT_EQ(config.layers().size(), 3U);
  EXPECT_EQ(config.find(sample_kind(), 1000, 1).config.tile_rows, 333);
  EXPECT_EQ(config.find(sample_kind(), 100'000, 1).config.tile_rows, 1024);
  EXPECT_EQ(config.maps().size(), 1U);
}

TEST(DeviceConfig, RefusesToMergeAnotherDevice) {
  DeviceConfig config = sample_config();
  const DeviceConfig before = config;
  DeviceIdentity other = sample_cpu();
  other.target = "AVX2";
  DeviceConfig newer(other);
  newer.put(sample_layer(900, 333));
  expect_error("Test CPU (AVX2)", [&] { config.merge(newer); });
  EXPECT_EQ(config, before);
}

TEST(DeviceConfig, RefusesWhatDoesNotRun) {
  DeviceConfig config(sample_cpu());
  const auto refused = [&](const char* message, auto&& change) {
    TunedLayer layer = sample_layer(10, 0);
    change(layer);
    expect_error(message, [&] { config.put(layer); });
  };
  refused("tile_rows", [](TunedLayer& l) { l.config.tile_rows = -1; });
  refused("on Test CPU", [](TunedLayer& l) { l.config.dataflow = Dataflow::implicit_gemm; });
  refused("on any map", [](TunedLayer& l) { l.config.dataflow = Dataflow::dense_gemm; });
  refused("int8", [](TunedLayer& l) {
    l.kind.dtype = DType::int8;
    l.config.dataflow = Dataflow::gather_gemm_scatter;
  });
  refused("channels", [](TunedLayer& l) { l.kind.in_channels = 0; });
  refused("threads", [](TunedLayer& l) { l.kind.threads = 0; });
  refused("kernel", [](TunedLayer& l) { l.kind.kernel.clear(); });
  refused("finite",
          [](TunedLayer& l) { l.measured.ms = std::numeric_limits<double>::quiet_NaN(); });
  refused("rows", [](TunedLayer& l) { l.rows = -1; });
  EXPECT_TRUE(config.empty());

  DeviceConfig gpu(DeviceIdentity{.kind = DeviceKind::cuda, .name = "GPU"});
  TunedLayer layer = sample_layer(10, 0);
  layer.config.dataflow = Dataflow::tile_indirect;
  expect_error("tile_indirect", [&] { gpu.put(layer); });
  layer.config = {};
  layer.config.threads = 2;
  expect_error("GPU", [&] { gpu.put(layer); });
  layer.config = {};
  layer.config.matrix_tiles = false;
  expect_error("GPU", [&] { gpu.put(layer); });
}

TEST(DeviceIdentity, IsOfThisMachine) {
  const DeviceIdentity cpu = DeviceIdentity::of(Device::cpu());
  EXPECT_EQ(cpu.kind, DeviceKind::cpu);
  EXPECT_FALSE(cpu.name.empty());
  EXPECT_EQ(cpu.target.rfind(simd_target(), 0), 0U) << cpu.target;
  EXPECT_GE(cpu.units, 1);
  EXPECT_TRUE(cpu.same_device(DeviceIdentity::of(Device::cpu())));
}

TEST(DeviceConfig, IsOfTheDeviceThatItNames) {
  const DeviceConfig here(DeviceIdentity::of(Device::cpu()));
  here.check_device(Device::cpu());
  const DeviceConfig other = sample_config();
  expect_error("the config is for Test CPU", [&] { other.check_device(Device::cpu()); });
  other.check_device(Device::cpu(), OtherDevice::accept);
  const DeviceConfig gpu(DeviceIdentity{.kind = DeviceKind::cuda, .name = "GPU"});
  expect_error("the config is for GPU",
               [&] { gpu.check_device(Device::cpu(), OtherDevice::accept); });
}

TEST(DeviceIdentity, DoesNotCompareWhatIsThereToBeRead) {
  const DeviceIdentity cpu = sample_cpu();
  DeviceIdentity more = cpu;
  more.units = 128;
  more.clock_mhz = 3000;
  EXPECT_TRUE(cpu.same_device(more));
  more.name = "Another";
  EXPECT_FALSE(cpu.same_device(more));
}

}  // namespace
}  // namespace gavotte
