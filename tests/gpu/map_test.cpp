// Kernel maps of the CUDA backend against those of the CPU: the same lists, tables and masks in both
// reading directions, for every builder, over random and adversarial sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gpu.h"
#include "map_cases.h"

namespace gavotte::testing_gpu {
namespace {

using namespace testing_cuda;

class KernelMaps : public MapTest {
 protected:
  KernelMaps() : MapTest(kOnCuda, nullptr, waits) {}
  void SetUp() override {
    if (const std::string why = why_no_gpu(); !why.empty()) GTEST_SKIP() << "no GPU: " << why;
    gpu_ = &backend(kCuda);
  }
  void TearDown() override { shuffle_blocks(0); }
};

TEST_F(KernelMaps, EqualTheCpusOnRandomSets) {
  std::mt19937 random(1);
  std::size_t next = 0;
  for (int dims = 1; dims <= 4; ++dims) {
    const Rows dense = random_rows(random, 90, dims, -6, 5);
    const Rows wide = random_rows(random, 40, dims, -2'000'000, 2'000'000);
    for (const Rows& rows : {dense, shuffled(dense, random), wide, shuffled(wide, random)})
      for (const ConvSpec& spec : specs()) {
        SCOPED_TRACE(std::to_string(dims) + " axes, " + spec.to_string());
        const Geometry geometry = resolve(spec, dims);
        const BothSets input = make_set(rows, dims);
        const BothSets output = output_of(input, spec, geometry);
        expect_as_on_the_cpu(geometry, input, output, configs()[next++ % configs().size()]);
        if (HasFatalFailure()) return;
      }
  }
}

TEST_F(KernelMaps, EqualTheCpusAtTheEndsOfInt32) {
  std::mt19937 random(2);
  for (int dims = 1; dims <= 4; ++dims) {
    Rows rows = corners(dims);
    const Rows some = random_rows(random, 30, dims, kLeast, kMost);
    rows.insert(rows.end(), some.begin(), some.end());
    ConvSpec floor = ConvSpec::strided(2, 2);
    floor.rule = CoordinateRule::floor;
    for (const ConvSpec& spec : {ConvSpec::submanifold(3), floor}) {
      SCOPED_TRACE(std::to_string(dims) + " axes, " + spec.to_string());
      const Geometry geometry = resolve(spec, dims);
      const BothSets input = make_set(rows, dims);
      const BothSets output = output_of(input, spec, geometry);
      for (const MapConfig& config : configs()) {
        expect_as_on_the_cpu(geometry, input, output, config);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(KernelMaps, EqualTheCpusOnTheSmallest) {
  std::size_t next = 0;
  for (const Rows& rows : {Rows{}, Rows{{3, -1, 0, 7}}, Rows{{0, 1, 1, 1}, {0, 1, 1, 0}}})
    for (const ConvSpec& spec : specs()) {
      SCOPED_TRACE(std::to_string(rows.size()) + " rows, " + spec.to_string());
      const Geometry geometry = resolve(spec, 3);
      const BothSets input = make_set(rows, 3);
      const BothSets output = output_of(input, spec, geometry);
      for (int i = 0; i < 3; ++i) {
        const MapConfig config = configs()[next++ % configs().size()];
        expect_as_on_the_cpu(geometry, input, output, config);
        if (HasFatalFailure()) return;
      }
    }
}

/// Outputs that the caller names: some of their windows lie far outside the inputs.
TEST_F(KernelMaps, EqualTheCpusOnSetsThatHaveLittleInCommon) {
  std::mt19937 random(3);
  std::size_t next = 0;
  for (const std::int64_t reach : {12LL, 1'000'000LL, 2'147'483'647LL}) {
    const Rows here = random_rows(random, 120, 3, -6, 6);
    Rows there = random_rows(random, 60, 3, -reach, reach - 1);
    const Rows near = random_rows(random, 60, 3, -4, 4);
    there.insert(there.end(), near.begin(), near.end());
    for (auto& row : there)
      if (random() % 8 == 0) row[0] = static_cast<std::int32_t>(random() % 5) - 1;
    std::sort(there.begin(), there.end());
    there.erase(std::unique(there.begin(), there.end()), there.end());
    ConvSpec far_padding = ConvSpec::strided(3, 1, 40);
    for (const ConvSpec& spec : {ConvSpec::strided(3, 2, 1), far_padding, ConvSpec::strided(1, 3),
                                 ConvSpec::generative(2, 2), ConvSpec::generative(3, 1)})
      for (const bool shuffle : {false, true}) {
        SCOPED_TRACE(spec.to_string() + (shuffle ? ", shuffled" : "") + ", reach " +
                     std::to_string(reach));
        const BothSets input = make_set(shuffle ? shuffled(here, random) : here, 3);
        const BothSets output = make_set(shuffle ? shuffled(there, random) : there, 3);
        const BothSets empty = make_set({}, 3);
        const Geometry geometry = resolve(spec, 3);
        for (int i = 0; i < 3; ++i) {
          const MapConfig config = configs()[next++ % configs().size()];
          expect_as_on_the_cpu(geometry, input, output, config);
          expect_as_on_the_cpu(geometry, output, input, config);
          expect_as_on_the_cpu(geometry, empty, input, config);
          expect_as_on_the_cpu(geometry, input, empty, config);
          if (HasFatalFailure()) return;
        }
      }
  }
}

/// Kernels with more offsets than one launch takes; asymmetric windows on one set.
TEST_F(KernelMaps, EqualTheCpusForLargeKernels) {
  std::mt19937 random(4);
  std::size_t next = 0;
  const Rows rows = random_rows(random, 80, 3, -5, 5);
  const BothSets sorted = make_set(rows, 3), mixed = make_set(shuffled(rows, random), 3);
  for (const PerAxis& size : {PerAxis({3, 3, 131}), PerAxis({1, 1, 301}), PerAxis(7)})
    for (const BothSets& set : {sorted, mixed})
      for (int i = 0; i < 3; ++i) {
        const MapConfig config = configs()[next++ % configs().size()];
        SCOPED_TRACE(size.to_string());
        expect_as_on_the_cpu(resolve(ConvSpec::submanifold(size), 3), set, set, config);
        if (HasFatalFailure()) return;
      }
  for (const int padding : {0, 1, 3})
    for (const BothSets& set : {sorted, mixed})
      for (int i = 0; i < 3; ++i) {
        const MapConfig config = configs()[next++ % configs().size()];
        SCOPED_TRACE("padding " + std::to_string(padding));
        expect_as_on_the_cpu(resolve(ConvSpec::strided(2, 1, padding), 3), set, set, config);
        expect_as_on_the_cpu(resolve(ConvSpec::generative(2, 1), 3), set, set, config);
        if (HasFatalFailure()) return;
      }
}

/// Many blocks and tiles, in random order; columns too dense for shared memory.
TEST_F(KernelMaps, EqualTheCpusWhateverTheOrderOfBlocks) {
  std::mt19937 random(5);
  Rows rows = random_rows(random, 2500, 3, -9, 9);
  for (std::int32_t x = 0; x < 1500; ++x) rows.push_back({2, 0, 1, x});       // one dense column,
  for (std::int32_t x = 0; x < 1500; x += 300) rows.push_back({2, 0, 0, x});  // its few neighbours
  const Geometry geometry = resolve(ConvSpec::submanifold(3), 3);
  for (const BothSets& set : {make_set(rows, 3), make_set(shuffled(rows, random), 3)}) {
    const ConvSpec strided = ConvSpec::strided(3, 2, 1);
    const Geometry down = resolve(strided, 3);
    const BothSets coarse = output_of(set, strided, down);
    for (const MapConfig& config : configs()) {
      if (config.query_tile == 1) continue;
      shuffle_blocks(random());
      expect_as_on_the_cpu(geometry, set, set, config);
      expect_as_on_the_cpu(down, set, coarse, config);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace gavotte::testing_gpu
