// Every candidate fits the machine that it is made for.
#include "candidates.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gavotte/config.h"

namespace gavotte::internal {
namespace {

DeviceIdentity cpu() { return {.kind = DeviceKind::cpu, .name = "a CPU", .cache_bytes = 1 << 20}; }
DeviceIdentity gpu() {
  return {.kind = DeviceKind::cuda, .name = "a GPU", .cache_bytes = 50 << 20};
}

LayerShape shape(std::int64_t in, std::int64_t out, Direction direction = Direction::forward,
                 DType dtype = DType::float32, int threads = 4) {
  return {{.kernel = "3x3x3 s1 submanifold",
           .in_channels = in,
           .out_channels = out,
           .dtype = dtype,
           .direction = direction,
           .threads = threads},
          30000,
          240000,
          27};
}

template <class Config>
bool none_twice(const std::vector<Config>& all) {
  for (std::size_t i = 0; i < all.size(); ++i)
    if (std::find(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end(), all[i]) != all.end())
      return false;
  return true;
}

TEST(Candidates, FitCachesVectorsAndChannels) {
  for (const DeviceIdentity& device : {cpu(), gpu()})
    for (const Direction direction : {Direction::forward, Direction::dgrad, Direction::wgrad})
      for (const DType dtype : {DType::float32, DType::bfloat16, DType::float64})
        for (const std::int64_t in : {1, 3, 4, 32, 96, 256})
          for (const std::int64_t out : {16, 20, 64, 256}) {
            const LayerShape layer =
                shape(in, out, direction, dtype, device.kind == DeviceKind::cpu ? 4 : 1);
            const auto all = layer_candidates(layer, device);
            ASSERT_FALSE(all.empty());
            EXPECT_EQ(all[0], ConvConfig{});
            EXPECT_TRUE(none_twice(all));
            const std::int64_t unit = device.kind == DeviceKind::cpu ? 64 : 16;
            const auto whole = [&](std::int32_t tile, std::int64_t channels) {
              return tile == 0 || (channels % tile == 0 && tile * size_bytes(dtype) % unit == 0);
            };
            for (const ConvConfig& config : all) {
              config.validate();
              EXPECT_TRUE(whole(config.gather_channel_tile, layer.read_channels()));
              EXPECT_TRUE(whole(config.scatter_channel_tile, layer.written_channels()));
              EXPECT_LT(config.threads, layer.kind.threads);
              EXPECT_LT(config.gemm_columns, layer.written_channels());
              DeviceConfig(device).put(TunedLayer{layer.kind, 0, 0, config, {}});
              const bool stays = config.dataflow == Dataflow::automatic && config.tile_rows > 64;
              const std::int64_t bytes = layer.read_channels() * size_bytes(dtype) +
                                         layer.written_channels() * sum_bytes(dtype);
              if (stays && config.threads == 0) {
                EXPECT_LE(config.tile_rows * bytes, 2 * device.cache_bytes) << config.to_string();
              }
            }
          }
}

TEST(Candidates, OneOfThemIsEachKindOfStep) {
  const auto any = [](const std::vector<ConvConfig>& all, auto&& is) {
    return std::any_of(all.begin(), all.end(), is);
  };
  const auto wide = layer_candidates(shape(128, 128), cpu());
  EXPECT_TRUE(any(wide, [](const ConvConfig& c) {
    return c.dataflow == Dataflow::gather_gemm_scatter && c.gather_channel_tile == 64;
  }));
  EXPECT_TRUE(any(wide, [](const ConvConfig& c) { return c.tile_rows == 256; }));
  const auto wgrad = layer_candidates(shape(128, 128, Direction::wgrad), cpu());
  EXPECT_TRUE(any(wgrad, [](const ConvConfig& c) { return c.wgrad_chunk_pairs == 32768; }));
  EXPECT_TRUE(
      any(wgrad, [](const ConvConfig& c) { return c.dataflow == Dataflow::gather_gemm_scatter; }));
  const auto on_gpu =
      layer_candidates(shape(128, 128, Direction::forward, DType::float16, 1), gpu());
  EXPECT_TRUE(
      any(on_gpu, [](const ConvConfig& c) { return c.dataflow == Dataflow::implicit_gemm; }));
  EXPECT_TRUE(any(on_gpu, [](const ConvConfig& c) { return c.gemm_columns == 64; }));
  EXPECT_TRUE(any(on_gpu, [](const ConvConfig& c) { return c.scatter_channel_tile == 32; }));
  EXPECT_TRUE(
      any(on_gpu, [](const ConvConfig& c) { return c.grouping == GroupingPolicy::greedy; }));
}

TEST(Candidates, FewerThreadsForSmallLayersAlone) {
  const auto gives_up_threads = [](const LayerShape& layer) {
    const auto all = layer_candidates(layer, cpu());
    return std::any_of(all.begin(), all.end(), [](const ConvConfig& c) { return c.threads == 1; });
  };
  LayerShape small = shape(16, 16);
  small.rows = 500;
  small.pairs = 4000;
  EXPECT_TRUE(gives_up_threads(small));
  EXPECT_FALSE(gives_up_threads(shape(256, 256)));
}

TEST(Candidates, Int8AndPointwiseLayersHaveNoDataflow) {
  LayerShape pointwise = shape(64, 64);
  pointwise.offsets = 1;
  pointwise.pairs = pointwise.rows;
  for (const LayerShape& layer : {shape(64, 64, Direction::forward, DType::int8), pointwise})
    for (const ConvConfig& config : layer_candidates(layer, cpu()))
      EXPECT_EQ(config.dataflow, Dataflow::automatic);
}

TEST(Candidates, NoMatrixTilesWhereTheCpuHasThemAndALayerFillsThem) {
  DeviceIdentity with_tiles = cpu();
  with_tiles.target = "AVX3 BF16 VNNI AMX";
  const auto has_both = [](const LayerShape& layer, const DeviceIdentity& device) {
    const auto all = layer_candidates(layer, device);
    EXPECT_EQ(all[0], ConvConfig{});
    EXPECT_TRUE(none_twice(all));
    for (const ConvConfig& config : all) {
      config.validate();
      DeviceConfig(device).put(TunedLayer{layer.kind, 0, 0, config, {}});
    }
    return std::any_of(all.begin(), all.end(), [](const ConvConfig& c) { return !c.matrix_tiles; });
  };
  const auto forward = Direction::forward, dgrad = Direction::dgrad;
  EXPECT_TRUE(has_both(shape(32, 16, forward, DType::bfloat16), with_tiles));
  EXPECT_TRUE(has_both(shape(64, 32, forward, DType::int8), with_tiles));
  EXPECT_TRUE(has_both(shape(16, 32, dgrad, DType::bfloat16), with_tiles));
  EXPECT_FALSE(has_both(shape(8, 64, dgrad, DType::bfloat16), with_tiles));
  EXPECT_FALSE(has_both(shape(32, 16, forward, DType::int8), with_tiles));
  EXPECT_FALSE(has_both(shape(16, 16, forward, DType::bfloat16), with_tiles));
  EXPECT_TRUE(has_both(shape(64, 64, Direction::wgrad, DType::bfloat16), with_tiles));
  EXPECT_TRUE(has_both(shape(4, 16, Direction::wgrad, DType::bfloat16), with_tiles));
  EXPECT_FALSE(has_both(shape(64, 64, Direction::wgrad, DType::float32), with_tiles));
  EXPECT_FALSE(has_both(shape(64, 64, Direction::wgrad, DType::bfloat16), cpu()));
  EXPECT_FALSE(has_both(shape(64, 64, forward, DType::float32), with_tiles));
  LayerShape grouped = shape(64, 64, forward, DType::bfloat16);
  grouped.kind.groups = 8;
  EXPECT_FALSE(has_both(grouped, with_tiles));
  grouped.kind.direction = Direction::wgrad;
  EXPECT_TRUE(has_both(grouped, with_tiles));  // 8 x 8
  grouped.kind.groups = 16;
  EXPECT_FALSE(has_both(grouped, with_tiles));
  LayerShape pointwise = shape(64, 64, forward, DType::bfloat16);
  pointwise.offsets = 1;
  pointwise.pairs = pointwise.rows;
  EXPECT_TRUE(has_both(pointwise, with_tiles));
  pointwise.kind.dtype = DType::int8;
  EXPECT_TRUE(has_both(pointwise, with_tiles));
  EXPECT_FALSE(has_both(shape(64, 64, forward, DType::bfloat16), cpu()));
}

TEST(Candidates, NoRowsNoTiles) {
  LayerShape none = shape(16, 16);
  none.rows = none.pairs = 0;
  for (const ConvConfig& config : layer_candidates(none, cpu())) config.validate();
}

TEST(Candidates, Maps) {
  for (const DeviceIdentity& device : {cpu(), gpu()})
    for (const std::int64_t rows : {0, 100, 30000}) {
      const auto all = map_candidates({"3x3x3 s1 submanifold", 2}, rows, true, device);
      EXPECT_EQ(all[0], MapConfig{});
      EXPECT_TRUE(none_twice(all));
      for (const MapConfig& config : all) {
        config.validate();
        if (device.kind == DeviceKind::cuda) {
          EXPECT_LE(config.block_size * 8, 48 << 10);
        }
      }
    }
  const auto strided = map_candidates({"2x2x2 s2 strided", 2}, 30000, false, cpu());
  EXPECT_TRUE(
      std::all_of(strided.begin(), strided.end(), [](const MapConfig& c) { return c.symmetric; }));
}

TEST(KernelNames, TellTheirOffsets) {
  EXPECT_EQ(offsets_of("3x3x3 s1 submanifold"), 27);
  EXPECT_EQ(offsets_of("2x2x2 s2 strided"), 8);
  EXPECT_EQ(offsets_of("5"), 5);
  EXPECT_EQ(offsets_of("1x3x5x7 s1 submanifold"), 105);
  for (const char* text : {"", "x", "3x", "3xx3", "0x3", "-1", "3x3y", "999999999x999999999", "a"})
    EXPECT_EQ(offsets_of(text), 0) << text;
}

}  // namespace
}  // namespace gavotte::internal
