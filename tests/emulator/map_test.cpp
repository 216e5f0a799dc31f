// What kernel maps launch, and that several take one wait. What they are: tests/gpu/map_test.cpp.
#include "cuda/map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "cuda/memory.h"
#include "cuda_cases.h"
#include "emulator.h"
#include "gpu/map_cases.h"
#include "guarded_cuda.h"

namespace gavotte::testing_cuda {
namespace {

const bool served = (serve_guarded_cuda(), true);

class Maps : public MapTest {
 protected:
  Maps() : MapTest({.device = kCuda}, &backend(kCuda), cuda::synchronizations) {}
  void TearDown() override { emulator::reset_options(); }
};

TEST_F(Maps, LaunchTheSameWhateverTheData) {
  std::mt19937 random(7);
  using Names = std::vector<std::string>;
  const Geometry geometry = resolve(ConvSpec::submanifold(3), 3);
  for (const int count : {1, 40, 300}) {
    const Rows rows = random_rows(random, count, 3, -5, 5);
    const BothSets sorted = make_set(rows, 3);
    Rows backwards = rows;
    std::reverse(backwards.begin(), backwards.end());
    const BothSets mixed = make_set(backwards, 3);
    const auto launches = [&](const BothSets& set, MapBuilder builder) {
      return launches_of([&] {
        gpu_->build_map(execution_, geometry, *set.gpu, *set.gpu, {builder}, internal::Wait::now);
      });
    };
    EXPECT_EQ(launches(sorted, MapBuilder::column_walk),
              (Names{"write_keys_k32", "walk_columns_k32", "count_rows", "compact_pairs"}));
    EXPECT_EQ(launches(sorted, MapBuilder::double_traversal),
              (Names{"write_keys_k32", "find_borders_k32", "schedule_items", "search_blocks_k32",
                     "count_rows", "compact_pairs"}));
    if (count == 1) continue;  // in key order
    EXPECT_EQ(launches(mixed, MapBuilder::column_walk),
              (Names{"write_keys_k32", "walk_columns_k32", "arrange_table", "count_rows",
                     "compact_pairs"}));
  }
}

TEST_F(Maps, SeveralAreFinishedInOneWait) {
  std::mt19937 random(8);
  const BothSets set = make_set(shuffled(random_rows(random, 100, 3, -5, 5), random), 3);
  std::vector<cuda::PendingMap> pending;
  std::vector<Geometry> geometries;
  for (const ConvSpec& spec : specs()) geometries.push_back(resolve(spec, 3));
  std::vector<BothSets> outputs;
  for (std::size_t i = 0; i < geometries.size(); ++i)
    outputs.push_back(output_of(set, specs()[i], geometries[i]));
  const std::int64_t waits = cuda::synchronizations();
  for (std::size_t i = 0; i < geometries.size(); ++i)
    pending.push_back(cuda::launch_map(execution_, geometries[i], *set.gpu, *outputs[i].gpu, {}));
  EXPECT_EQ(cuda::synchronizations(), waits);
  const auto maps = cuda::finish_maps(execution_, pending);
  EXPECT_EQ(cuda::synchronizations(), waits + 1);
  for (std::size_t i = 0; i < geometries.size(); ++i) {
    SCOPED_TRACE(specs()[i].to_string());
    const auto expected = cpu_.build_map(kOneThread, geometries[i], *set.cpu, *outputs[i].cpu, {},
                                         internal::Wait::now);
    expect_same_direction(KernelMap(maps[i]), KernelMap(expected));
  }
}

}  // namespace
}  // namespace gavotte::testing_cuda
