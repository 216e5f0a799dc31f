// The rival of the map benchmark is right: against brute force, and against Gavotte's map.
#include "hash_map_baseline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "gavotte/error.h"
#include "map_bench.h"
#include "scenes.h"

namespace gavotte::bench {
namespace {

using Pairs = std::vector<std::pair<std::int32_t, std::int32_t>>;  // (output row, input row)

Pairs pairs_of(const HashMapBaseline& baseline, int k) {
  Pairs pairs;
  for (std::size_t i = 0; i < baseline.pair_in(k).size(); ++i)
    pairs.emplace_back(baseline.pair_out(k)[i], baseline.pair_in(k)[i]);
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

Pairs brute_force(const std::vector<std::int32_t>& coordinates, int k) {
  const int step[3] = {k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1};
  const auto rows = static_cast<std::int32_t>(coordinates.size() / 4);
  Pairs pairs;
  for (std::int32_t out = 0; out < rows; ++out) {
    for (std::int32_t in = 0; in < rows; ++in) {
      const std::int32_t* o = coordinates.data() + 4 * out;
      const std::int32_t* i = coordinates.data() + 4 * in;
      if (o[0] == i[0] && o[1] + step[0] == i[1] && o[2] + step[1] == i[2] &&
          o[3] + step[2] == i[3])
        pairs.emplace_back(out, in);
    }
  }
  return pairs;
}

TEST(HashMapBaseline, FindsThePairsOfBruteForce) {
  std::vector<std::int32_t> coordinates;
  for (int i = 0; i < 2 * 5 * 5 * 5; ++i) {  // two batch entries, around zero, some left out
    if (i * 7 % 5 == 0 || i % 11 == 3) continue;
    coordinates.insert(coordinates.end(), {i / 125, i / 25 % 5 - 2, i / 5 % 5 - 2, i % 5 - 2});
  }
  for (const int threads : {1, 2, 3}) {
    HashMapBaseline baseline;
    baseline.build(coordinates, threads);
    std::int64_t pairs = 0;
    for (int k = 0; k < HashMapBaseline::kOffsets; ++k) {
      EXPECT_EQ(pairs_of(baseline, k), brute_force(coordinates, k)) << k;
      pairs += static_cast<std::int64_t>(baseline.pair_in(k).size());
    }
    EXPECT_EQ(baseline.pairs(), pairs);
  }
}

TEST(HashMapBaseline, ASmallerBuildAfterALargerOneIsRight) {
  const Scene large = make_scene("random_2000");
  std::vector<std::int32_t> small = {0, 5, 5, 5, 0, 5, 5, 6, 0, 32766, 0, -32767};
  HashMapBaseline baseline;
  baseline.build(large.coordinates.span<std::int32_t>(), 2);
  baseline.build(small, 2);
  for (int k = 0; k < HashMapBaseline::kOffsets; ++k)
    EXPECT_EQ(pairs_of(baseline, k), brute_force(small, k)) << k;
}

TEST(HashMapBaseline, RefusesDuplicatesAndWhatDoesNotFit) {
  HashMapBaseline baseline;
  for (const int threads : {1, 2}) {
    EXPECT_THROW(baseline.build(std::vector<std::int32_t>{0, 1, 2, 3, 0, 1, 2, 3}, threads),
                 std::invalid_argument);
    EXPECT_THROW(baseline.build(std::vector<std::int32_t>{0, 32767, 0, 0}, threads),
                 std::invalid_argument);
    EXPECT_THROW(baseline.build(std::vector<std::int32_t>{-1, 0, 0, 0}, threads),
                 std::invalid_argument);
  }
}

TEST(MapBench, EveryBuilderEqualsTheHashMap) {
  for (const char* name : {"random_2000", "sphere_32"}) {
    const Scene scene = make_scene(name);
    HashMapBaseline baseline;
    baseline.build(scene.coordinates.span<std::int32_t>(), 2);
    for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal}) {
      MapConfig config;
      config.builder = builder;
      EXPECT_NO_THROW(check_equal(build_map(scene, config, 2), baseline)) << name;
    }
  }
}

TEST(MapBench, AnotherMapIsNotEqual) {
  HashMapBaseline baseline;
  baseline.build(make_scene("random_2000").coordinates.span<std::int32_t>(), 1);
  const KernelMap other = build_map(make_scene("random_2001"), MapConfig{}, 1);
  EXPECT_THROW(check_equal(other, baseline), Error);
}

}  // namespace
}  // namespace gavotte::bench
