#include "map_bench.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "compare.h"
#include "gavotte/coordinate_manager.h"

namespace gavotte::bench {

namespace {

struct NamedConfig {
  std::string name;
  MapConfig config;
};

std::vector<NamedConfig> builders() {
  std::vector<NamedConfig> configs;
  for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal}) {
    for (const bool symmetric : {true, false}) {
      MapConfig config;
      config.builder = builder;
      config.symmetric = symmetric;
      configs.push_back(
          {"gavotte " + std::string(name(builder)) + (symmetric ? "" : " not symmetric"), config});
    }
  }
  return configs;
}

}  // namespace

KernelMap build_map(const Scene& scene, const MapConfig& config, int threads) {
  const Execution execution{.threads = threads};
  const Coordinates coordinates(scene.coordinates, 1, StrideStyle::divided, execution);
  CoordinateManager manager(execution, config);
  return manager.kernel_map(coordinates, ConvSpec::submanifold(3)).map;
}

SceneFacts facts_of(const Scene& scene) {
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  return {scene.name, map.out_rows(), map.report().matches_per_output};
}

void check_equal(const KernelMap& map, const HashMapBaseline& baseline) {
  GAVOTTE_CHECK(map.offsets() == HashMapBaseline::kOffsets,
                "expected 27 offsets; got " + std::to_string(map.offsets()));
  const auto begin = map.pair_begin().span<std::int64_t>();
  const auto in = map.pair_in().span<std::int32_t>();
  const auto out = map.pair_out().span<std::int32_t>();
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;  // (out, in) of the baseline
  for (int k = 0; k < map.offsets(); ++k) {
    const auto expected_in = baseline.pair_in(k), expected_out = baseline.pair_out(k);
    const auto first = static_cast<std::size_t>(begin[static_cast<std::size_t>(k)]);
    const auto count = static_cast<std::size_t>(begin[static_cast<std::size_t>(k) + 1]) - first;
    GAVOTTE_CHECK(count == expected_in.size(), "offset " + std::to_string(k) + ": expected " +
                                                   std::to_string(expected_in.size()) +
                                                   " pairs; got " + std::to_string(count));
    pairs.clear();
    for (std::size_t i = 0; i < count; ++i) pairs.emplace_back(expected_out[i], expected_in[i]);
    std::sort(pairs.begin(), pairs.end());
    for (std::size_t i = 0; i < count; ++i) {
      GAVOTTE_CHECK(out[first + i] == pairs[i].first && in[first + i] == pairs[i].second,
                    "offset " + std::to_string(k) + ", pair " + std::to_string(i) +
                        ": expected output row " + std::to_string(pairs[i].first) +
                        " from input row " + std::to_string(pairs[i].second) + "; got " +
                        std::to_string(out[first + i]) + " from " + std::to_string(in[first + i]));
    }
  }
}

void bench_map_step(const Scene& scene, const std::vector<int>& threads, int rounds,
                    Report& report) {
  const auto coordinates = std::as_const(scene.coordinates).span<std::int32_t>();
  for (const int count : threads) {
    HashMapBaseline baseline;
    std::vector<Contender> contenders = {{"hash_map", [&] { baseline.build(coordinates, count); }}};
    baseline.build(coordinates, count);
    const std::vector<NamedConfig> configs = builders();
    for (const NamedConfig& builder : configs) {
      check_equal(build_map(scene, builder.config, count), baseline);
      contenders.push_back(
          {builder.name, [&scene, &builder, count] { build_map(scene, builder.config, count); }});
    }
    report.add(rows_of({.scene = scene.name,
                        .operation = "map_step",
                        .layer = "3x3x3 submanifold",
                        .dtype = "int32",
                        .threads = count},
                       contenders, compare(contenders, rounds, clock_for(count))));
  }
}

}  // namespace gavotte::bench
