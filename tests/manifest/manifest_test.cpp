// What profile() says of a run.
#include "gavotte/manifest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "executor/plan.h"
#include "gavotte/version.h"
#include "manifest/durations.h"
#include "manifest/profiled.h"

namespace gavotte {
namespace {

using manifest::Launch;
using manifest::Source;
using test::expect_says;
using test::kOnce;
using test::make_voxels;
using test::small_network;

const Launch& launch_of(const Manifest& manifest, const std::string& layer,
                        const std::string& not_op = "map") {
  for (const Launch& launch : manifest.launches)
    if (launch.layer == layer && launch.op != not_op) return launch;
  throw std::out_of_range(layer);
}

TEST(Manifest, ListsInputMapsStepsAndReturn) {
  const internal::Plan plan = internal::make_plan(small_network());
  const Manifest manifest = profile(small_network(), make_voxels(500), {.threads = 1}, kOnce);
  ASSERT_EQ(manifest.launches.size(), 2 + plan.maps.size() + plan.steps.size());
  EXPECT_EQ(manifest.launches.front().op, "input");
  EXPECT_EQ(manifest.launches[1].op, "map");
  EXPECT_EQ(manifest.launches.back().op, "return");
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    EXPECT_EQ(manifest.launches[1 + plan.maps.size() + i].layer, plan.steps[i].name);
}

TEST(Manifest, SaysWhichSourcesItIsOf) {
  const Manifest manifest = profile(small_network(), make_voxels(100), {.threads = 1}, kOnce);
  EXPECT_EQ(manifest.library.version, version());
  const std::string commit = GAVOTTE_COMMIT;
  EXPECT_EQ(manifest.library.commit.v.value_or(""), commit);
  EXPECT_EQ(manifest.library.commit.src, commit.empty() ? Source::unavailable : Source::declared);
}

TEST(Manifest, CountsWorkAsTheRunDoes) {
  const Network network = small_network();
  const Voxels voxels = make_voxels(800);
  const RunStats stats = Executor(network, {.threads = 1}).run(voxels).stats;
  const Manifest manifest = profile(network, voxels, {.threads = 1}, kOnce);
  for (const LayerStats& layer : stats.layers) {
    const Launch& launch = launch_of(manifest, layer.name);
    EXPECT_NEAR(*launch.work.flop.v, layer.gflop * 1e9, 1e-6 * layer.gflop * 1e9) << layer.name;
    EXPECT_EQ(*launch.work.dram_bytes.v, static_cast<double>(layer.bytes)) << layer.name;
    EXPECT_EQ(launch.shape.in_channels, layer.in_channels);
    EXPECT_EQ(launch.shape.out_channels, layer.out_channels);
  }
  EXPECT_EQ(manifest.run.symbols.at("N_in").v, voxels.size());
  EXPECT_EQ(manifest.run.symbols.at("N_out").v, voxels.size());
  EXPECT_EQ(manifest.run.workspace_bytes.v, stats.arena_bytes);
  EXPECT_EQ(manifest.run.peak_bytes.v, stats.peak_bytes);
}

TEST(Manifest, DependsOnWhoWroteWhatALaunchReads) {
  const Manifest manifest = profile(small_network(), make_voxels(500), {.threads = 1}, kOnce);
  for (const Launch& launch : manifest.launches)
    for (const manifest::Segment& read : launch.segments.reads)
      for (const Launch& other : manifest.launches)
        for (const manifest::Segment& write : other.segments.writes)
          if (other.seq < launch.seq && write.buffer == read.buffer) {
            EXPECT_TRUE(
                std::count(launch.dependencies.begin(), launch.dependencies.end(), other.seq) == 1)
                << launch.kernel.key << " of " << other.kernel.key;
          }
  const Launch& joined = launch_of(manifest, "joined");
  const Launch& up = launch_of(manifest, "up");
  EXPECT_EQ(std::count(joined.dependencies.begin(), joined.dependencies.end(), up.seq), 1);
}

TEST(Manifest, HashIsOfTheSequenceAndNotOfTheScan) {
  const auto hash = [](const Network& network, std::int64_t count, ExecutorOptions options = {}) {
    options.threads = 1;
    return profile(network, make_voxels(count), options, kOnce).run.launch_sequence_hash;
  };
  const std::string expected = hash(small_network(), 100);
  EXPECT_EQ(hash(small_network(), 700), expected);
  EXPECT_EQ(hash(small_network(), 3000), expected);
  EXPECT_EQ(hash(small_network(2), 100), expected);  // other weights, the same launches
  EXPECT_NE(hash(test::small_builder().build("joined.act"), 100), expected);
  EXPECT_NE(hash(small_network(), 100, {.dtype = DType::bfloat16}), expected);
  EXPECT_NE(hash(small_network(), 100, {.dtype = DType::bfloat16}),
            hash(small_network(), 100, {.dtype = DType::float16}));
  EXPECT_NE(
      hash(small_network(), 100, {.conv_config = {.dataflow = Dataflow::gather_gemm_scatter}}),
      expected);
}

TEST(Manifest, SaysWhichConfigEachLayerGot) {
  const Network network = small_network();
  const Voxels voxels = make_voxels(500);
  DeviceConfig config(DeviceIdentity::of(Device::cpu()));
  TunedLayer tuned;
  tuned.kind = {"3x3x3 s1 submanifold", 3, 6};
  tuned.rows = voxels.size();
  tuned.config.tile_rows = 96;
  config.put(tuned);
  const Manifest manifest =
      profile(network, voxels, {.threads = 1, .config = TunedConfig(config)}, kOnce);
  const Launch& stem = launch_of(manifest, "stem+stem.bn+stem.relu");
  ASSERT_TRUE(stem.config.has_value());
  EXPECT_EQ(stem.config->source, "exact");
  EXPECT_EQ(std::get<std::int64_t>(stem.config->values.at("tile_rows")), 96);
  EXPECT_EQ(launch_of(manifest, "down").config->source, "default");
  EXPECT_FALSE(launch_of(manifest, "joined").config.has_value());
  EXPECT_EQ(manifest.run.sequence_stable.v, false);
  EXPECT_EQ(profile(network, voxels, {.threads = 1}, kOnce).run.sequence_stable.v, true);
}

TEST(Manifest, ClassesByTheBalanceThatWasGiven) {
  const auto stem = [](double gflops, double bytes) {
    ManifestOptions how = kOnce;
    how.peak_gflops = gflops;
    how.peak_dram_gb_per_s = bytes;
    return launch_of(profile(small_network(), make_voxels(500), {.threads = 1}, how),
                     "stem+stem.bn+stem.relu");
  };
  const Launch unknown = stem(0, 10);
  EXPECT_FALSE(unknown.classed.metric.v.has_value());
  const double intensity = *unknown.work.flop.v / *unknown.work.dram_bytes.v;
  EXPECT_EQ(stem(intensity * 10 * 0.9, 10).classed.metric.v, "compute");
  EXPECT_EQ(stem(intensity * 10 * 1.1, 10).classed.metric.v, "memory");
  EXPECT_EQ(stem(1, 1).classed.rule, "roofline_balance");
}

TEST(Manifest, DurationsAreOrderStatistics) {
  std::vector<double> us;
  for (int i = 200; i > 0; --i) us.push_back(i);
  const manifest::Duration duration = internal::duration_of(us, "test");
  EXPECT_EQ(duration.min.v, 1);
  EXPECT_EQ(duration.median.v, 100.5);
  EXPECT_EQ(duration.p99.v, 198);
  EXPECT_EQ(duration.n.v, 200);
  const manifest::Duration one = internal::duration_of({3.0}, "test");
  EXPECT_EQ(one.min.v, 3);
  EXPECT_EQ(one.median.v, 3);
  EXPECT_EQ(one.p99.v, 3);
  const Manifest manifest =
      profile(small_network(), make_voxels(300), {.threads = 1}, {.rounds = 4, .warmup = 1});
  for (const Launch& launch : manifest.launches) {
    EXPECT_EQ(launch.duration_us.n.v, 4);
    EXPECT_EQ(launch.duration_us.median.src, Source::measured);
    EXPECT_LE(*launch.duration_us.min.v, *launch.duration_us.median.v);
    EXPECT_LE(*launch.duration_us.median.v, *launch.duration_us.p99.v);
  }
}

TEST(Manifest, OfEveryKindOfRunIsOneThatCanBeRead) {
  NetworkBuilder pooled(3, 1);
  const std::string conv =
      pooled.convolution("conv-1/a.b", pooled.input(3), 4, ConvSpec::strided(2, 2));
  const Network global = pooled.build(pooled.global_pool("all", conv, PoolMode::max));
  for (const Network& network : {small_network(), global})
    for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32, DType::float64})
      for (const std::int64_t count : {0, 1, 200})
        for (const int threads : {1, 3}) {
          const Manifest manifest =
              profile(network, make_voxels(count), {.dtype = dtype, .threads = threads}, kOnce);
          EXPECT_EQ(Manifest::from_json(manifest.to_json()), manifest);
          EXPECT_EQ(manifest.launches[0].block.v->at(0), threads);
        }
}

TEST(Manifest, RefusesOptionsOutOfRange) {
  const auto with = [](ManifestOptions how) {
    return [how] { profile(small_network(), make_voxels(10), {.threads = 1}, how); };
  };
  expect_says(with({.rounds = 0}), {"expects 1 to 1000000 rounds", "got 0"});
  expect_says(with({.warmup = -1}), {"warm-up", "-1"});
  expect_says(with({.peak_gflops = -1}), {"peaks of at least 0"});
}

}  // namespace
}  // namespace gavotte
