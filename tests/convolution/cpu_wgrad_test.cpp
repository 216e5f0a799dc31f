// The CPU's gradient of weights on maps that are cut into several tiles and ranges, with offsets that hold next to
// nothing, against the definition in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "cpu/convolution.h"
#include "expect.h"
#include "reference.h"
#include "simd_targets.h"

namespace gavotte::internal {
namespace {

namespace ref = gavotte::testing;
using ref::expect_close;

struct Layer {
  std::int64_t in, out;
  int groups;
};

constexpr Layer kLayers[] = {{4, 16, 1},   {16, 16, 1}, {1, 1, 1},   {5, 1, 1},
                             {7, 9, 1},    {33, 20, 1}, {64, 72, 1}, {12, 18, 3},
                             {20, 20, 10}, {6, 6, 6},   {96, 66, 2}};
constexpr DType kDTypes[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16};

/// Offsets of so many pairs, their rows in no order; each row at most once an offset.
ref::ReferenceMap map_of(const std::vector<std::int64_t>& counts, std::int64_t rows) {
  std::mt19937 random(3);
  std::vector<ref::Pair> pairs;
  std::vector<std::int32_t> in(static_cast<std::size_t>(rows)), out(in.size());
  std::iota(in.begin(), in.end(), 0);
  std::iota(out.begin(), out.end(), 0);
  for (std::size_t k = 0; k < counts.size(); ++k) {
    std::shuffle(in.begin(), in.end(), random);
    std::shuffle(out.begin(), out.end(), random);
    for (std::size_t j = 0; j < static_cast<std::size_t>(counts[k]); ++j)
      pairs.push_back({static_cast<int>(k), in[j], out[j]});
  }
  return ref::make_reference(static_cast<int>(counts.size()), rows, rows, -1, pairs);
}

struct Case {
  const ref::ReferenceMap& map;
  Layer layer;
  DType dtype;
  ref::Values x, grad_y;

  Case(const ref::ReferenceMap& map, Layer layer, DType dtype)
      : map(map), layer(layer), dtype(dtype) {
    std::mt19937 random(5);
    x = ref::random_values(random, dtype, {map.in_rows, layer.in});
    grad_y = ref::random_values(random, dtype, {map.out_rows, layer.out});
  }

  // Into memory full of NaN: whatever is left unwritten shows.
  Tensor run(const ConvConfig& config, int threads = 1) const {
    Tensor grad_w(dtype, {map.offsets, layer.in / layer.groups, layer.out});
    std::memset(grad_w.data(), 0xff, static_cast<std::size_t>(grad_w.view().bytes()));
    Execution execution;
    execution.threads = threads;
    cpu::convolution_wgrad(execution, {map.map, layer.in, layer.out, layer.groups, config},
                           x.tensor, grad_y.tensor, grad_w);
    return grad_w;
  }

  ref::Expected expected() const {
    return ref::wgrad(map, layer.in, layer.out, layer.groups, x.exact, grad_y.exact);
  }
};

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.view().bytes() == b.view().bytes() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.view().bytes())) == 0;
}

std::string describe(const Layer& layer, DType dtype) {
  return std::to_string(layer.in) + " -> " + std::to_string(layer.out) + ", groups " +
         std::to_string(layer.groups) + ", " + std::string(name(dtype));
}

ConvConfig with(Dataflow dataflow, std::int32_t chunk_pairs) {
  ConvConfig config;
  config.dataflow = dataflow;
  config.wgrad_chunk_pairs = chunk_pairs;
  return config;
}

const std::vector<std::int64_t> kUneven = {0, 4300, 1, 0, 300, 0};

TEST(CpuWgrad, EqualsTheDefinitionHoweverPairsAreCut) {
  const auto uneven = map_of(kUneven, 4400), one_offset = map_of({4400}, 4400);
  for (const auto* map : {&uneven, &one_offset}) {
    for (const Layer& layer : kLayers) {
      for (const DType dtype : kDTypes) {
        SCOPED_TRACE(describe(layer, dtype));
        const Case test(*map, layer, dtype);
        const ref::Expected expected = test.expected();
        for (const Dataflow dataflow : {Dataflow::tile_indirect, Dataflow::gather_gemm_scatter})
          for (const std::int32_t chunk_pairs : {1, 1000, 1 << 20})
            expect_close(test.run(with(dataflow, chunk_pairs)), expected);
        ConvConfig vectors = with(Dataflow::tile_indirect, 1000);
        vectors.matrix_tiles = false;
        expect_close(test.run(vectors), expected);
      }
    }
  }
}

TEST(CpuWgrad, EqualsTheDefinitionOnEveryVectorTarget) {
  const auto map = map_of(kUneven, 4400);
  test::for_each_target([&] {
    for (const Layer& layer : {Layer{16, 16, 1}, Layer{33, 20, 1}, Layer{12, 18, 3}}) {
      for (const DType dtype : kDTypes) {
        SCOPED_TRACE(describe(layer, dtype));
        const Case test(map, layer, dtype);
        expect_close(test.run(with(Dataflow::tile_indirect, 1000)), test.expected());
      }
    }
  });
}

// Offsets whose pairs are several tiles of a range; one offset, in ranges that threads share out.
TEST(CpuWgrad, TilesOfARangeFollowEachOtherOnAnyThread) {
  const auto even = map_of(std::vector<std::int64_t>(9, 2600), 2600), one = map_of({4400}, 4400);
  for (const auto* map : {&even, &one}) {
    for (const DType dtype : kDTypes) {
      SCOPED_TRACE(describe({12, 18, 1}, dtype));
      const Case test(*map, {12, 18, 1}, dtype);
      const ConvConfig config = with(Dataflow::tile_indirect, 1 << 20);
      const Tensor alone = test.run(config, 1);
      expect_close(alone, test.expected());
      for (int call = 0; call < 5; ++call)
        for (const int threads : {2, 3, 8})
          EXPECT_TRUE(same_bits(test.run(config, threads), alone));
    }
  }
}

TEST(CpuWgrad, SameBitsForEveryThreadCount) {
  const auto map = map_of(kUneven, 4400);
  for (const Layer& layer :
       {Layer{4, 16, 1}, Layer{33, 20, 1}, Layer{12, 18, 3}, Layer{96, 66, 2}}) {
    for (const DType dtype : kDTypes) {
      SCOPED_TRACE(describe(layer, dtype));
      const Case test(map, layer, dtype);
      for (const std::int32_t chunk_pairs : {300, 8192}) {
        const ConvConfig config = with(Dataflow::tile_indirect, chunk_pairs);
        const Tensor one = test.run(config, 1);
        for (const int threads : {1, 2, 3, 8})
          EXPECT_TRUE(same_bits(test.run(config, threads), one));
      }
    }
  }
}

// Wide enough for packed_wgrad on the CPUs that have it.
TEST(CpuWgrad, WideLayersEqualTheDefinitionOnAnyThread) {
  const auto map = map_of({0, 130, 5, 1200}, 1200);
  const Case test(map, {128, 256, 1}, DType::float32);
  for (const std::int32_t chunk_pairs : {100, 1 << 20}) {
    const ConvConfig config = with(Dataflow::tile_indirect, chunk_pairs);
    const Tensor one = test.run(config, 1);
    expect_close(one, test.expected());
    for (const int threads : {2, 3}) EXPECT_TRUE(same_bits(test.run(config, threads), one));
  }
}

TEST(CpuWgrad, OffsetsWithoutPairsGetZeros) {
  const auto map = map_of(kUneven, 4400);
  for (const DType dtype : kDTypes) {
    const Case test(map, {5, 6, 1}, dtype);
    const auto values = ref::to_doubles(test.run(with(Dataflow::tile_indirect, 8192)));
    for (std::size_t k = 0; k < kUneven.size(); ++k)
      if (kUneven[k] == 0) {
        for (std::size_t i = 0; i < 30; ++i) ASSERT_EQ(values[k * 30 + i], 0) << k;
      }
  }
}

TEST(CpuWgrad, ANanReachesTheOffsetsOfItsRowAlone) {
  const auto map = map_of(kUneven, 4400);
  Case test(map, {16, 16, 1}, DType::float32);
  const std::int32_t row =
      std::find_if(map.pairs.begin(), map.pairs.end(), [](const ref::Pair& pair) {
        return pair.k == 2;
      })->in;
  test.x.tensor.span<float>()[static_cast<std::size_t>(row) * 16 + 3] =
      std::numeric_limits<float>::quiet_NaN();
  const auto values = ref::to_doubles(test.run(with(Dataflow::tile_indirect, 8192)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto k = static_cast<int>(i / 256);
    const bool met = i / 16 % 16 == 3 &&
                     std::any_of(map.pairs.begin(), map.pairs.end(), [&](const ref::Pair& pair) {
                       return pair.k == k && pair.in == row;
                     });
    ASSERT_EQ(std::isnan(values[i]), met) << i;
  }
}

// The two ways cut 130 pairs differently, so that their bits tell them apart. How wide a layer must be depends on the CPU.
TEST(CpuWgrad, WideLayersGoThroughTheGemmAndAutomaticIsTileIndirect) {
  const auto map = map_of({0, 130, 5}, 130);
  for (const Layer& layer : {Layer{33, 20, 1}, Layer{512, 512, 1}}) {
    const Case test(map, layer, DType::float64);
    const Tensor automatic = test.run(with(Dataflow::automatic, 100));
    expect_close(automatic, test.expected());
    EXPECT_TRUE(same_bits(automatic, test.run(with(Dataflow::tile_indirect, 100))));
    EXPECT_EQ(same_bits(automatic, test.run(with(Dataflow::gather_gemm_scatter, 100))),
              layer.in == 512);
  }
}

}  // namespace
}  // namespace gavotte::internal
