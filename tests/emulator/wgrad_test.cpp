// Gradients of weights and bias on the emulated GPU against the definition in double and the CPU.
#include <gtest/gtest.h>

#include <numeric>

#include "convolution/reference.h"
#include "cpu/convolution.h"
#include "cuda/column_sum.cuh"
#include "cuda/convolution.h"
#include "cuda/memory.h"
#include "cuda/wgrad.cuh"
#include "cuda_cases.h"
#include "emulated_device.h"
#include "far_memory.h"

namespace gavotte::internal::cuda {
namespace {

namespace ref = gavotte::testing;

struct Layer {
  std::int64_t in, out;
  int groups;
};

// Each kernel and tile: thin, 16, 32, 64; packed and not; several tiles; edges.
constexpr Layer kLayers[] = {{1, 1, 1},   {1, 5, 1},   {5, 1, 1},    {7, 9, 1},
                             {4, 16, 1},  {16, 16, 1}, {12, 20, 1},  {32, 24, 4},
                             {6, 9, 3},   {8, 8, 8},   {5, 15, 5},   {19, 19, 19},
                             {20, 37, 1}, {64, 64, 1}, {65, 130, 1}, {80, 160, 2}};
constexpr DType kDTypes[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16};

class Wgrad : public ::testing::Test {
 protected:
  ref::EmulatedDevice device;
};

class WgradOnFibers : public Wgrad {
 protected:
  void SetUp() override {
    if (ref::kUnderThreadSanitizer) GTEST_SKIP() << "Wgrad's schedules run the same kernels";
  }
};

struct Case {
  const ref::ReferenceMap& map;
  Layer layer;
  DType dtype;
  ref::Values x, grad_y;

  Case(const ref::ReferenceMap& map, Layer layer, DType dtype, unsigned seed)
      : map(map), layer(layer), dtype(dtype) {
    std::mt19937 random(seed);
    x = ref::random_values(random, dtype, {map.in_rows, layer.in});
    grad_y = ref::random_values(random, dtype, {map.out_rows, layer.out});
  }

  Tensor run(const Execution& execution, const ConvConfig& config = {}) const {
    Tensor grad_w = ref::unwritten(dtype, {map.offsets, layer.in / layer.groups, layer.out});
    const ConvPlan plan{map.map, layer.in, layer.out, layer.groups, config};
    if (execution.device.kind == DeviceKind::cuda) {
      cuda::convolution_wgrad(execution, plan, x.tensor, grad_y.tensor, grad_w);
    } else {
      cpu::convolution_wgrad(execution, plan, x.tensor, grad_y.tensor, grad_w);
    }
    return grad_w;
  }

  void expect_right(const Tensor& grad_w) const {
    const auto expected = ref::wgrad(map, layer.in, layer.out, layer.groups, x.exact, grad_y.exact);
    const auto values = ref::to_doubles(grad_w);
    const auto cpu_values = ref::to_doubles(run(Execution{.threads = 1}));
    ASSERT_EQ(values.size(), expected.value.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double tolerance =
          ref::tolerance(dtype, expected.terms, expected.magnitude[i], expected.value[i]);
      ASSERT_NEAR(values[i], expected.value[i], tolerance) << "element " << i;
      ASSERT_NEAR(values[i], cpu_values[i], 2 * tolerance) << "element " << i;
    }
  }
};

std::string describe(const Layer& layer, DType dtype) {
  return std::to_string(layer.in) + " -> " + std::to_string(layer.out) + ", groups " +
         std::to_string(layer.groups) + ", " + std::string(name(dtype));
}

TEST_F(WgradOnFibers, EqualsTheDefinitionAndTheCpu) {
  std::mt19937 random(1);
  const auto submanifold = ref::submanifold_map(random, 90, 6, 3);
  const auto strided = ref::strided_map(random, 120, 30, 8, 2);
  for (const auto* map : {&submanifold, &strided}) {
    for (const Layer& layer : kLayers) {
      for (const DType dtype : kDTypes) {
        if (map == &submanifold && layer.out > 64) continue;  // for the emulator's time
        SCOPED_TRACE(describe(layer, dtype));
        const Case test(*map, layer, dtype, 7);
        test.expect_right(test.run(device.execution));
      }
    }
  }
}

TEST_F(WgradOnFibers, EveryCutEqualsTheDefinition) {
  std::mt19937 random(2);
  const auto map = ref::submanifold_map(random, 120, 6, 3);
  for (const Layer& layer : {Layer{6, 6, 6}, Layer{20, 24, 1}}) {
    const Case test(map, layer, DType::float32, 8);
    for (const std::int32_t chunk : {1, 2, 7, 16, 17, 64, 1 << 20}) {
      ConvConfig config;
      config.wgrad_chunk_pairs = chunk;
      SCOPED_TRACE(chunk);
      test.expect_right(test.run(device.execution, config));
    }
  }
}

TEST_F(Wgrad, SameBitsForEveryOrderOfBlocksAndEngine) {
  std::mt19937 random(3);
  const auto map = ref::strided_map(random, 40, 20, 6, 2);
  ConvConfig config;
  config.wgrad_chunk_pairs = 7;
  for (const Layer& layer : {Layer{4, 4, 4}, Layer{17, 33, 1}, Layer{12, 8, 1}, Layer{36, 40, 1}}) {
    for (const DType dtype : {DType::float32, DType::float16}) {
      if (layer.out > 32 && dtype == DType::float16) continue;  // for the emulator's time
      const Case test(map, layer, dtype, 9);
      const Tensor first = test.run(device.execution, config);
      ref::for_each_schedule(
          [&] { EXPECT_TRUE(ref::same_bits(first, test.run(device.execution, config))); });
    }
  }
}

TEST_F(WgradOnFibers, EmptyMapsGiveZeros) {
  const auto no_rows = ref::make_reference(27, 0, 0, 13, {});
  const auto no_pairs = ref::make_reference(27, 5, 3, -1, {});
  const auto one_pair = ref::make_reference(3, 1, 1, -1, {{1, 0, 0}});
  for (const auto* map : {&no_rows, &no_pairs, &one_pair}) {
    for (const Layer& layer : {Layer{3, 4, 1}, Layer{4, 4, 4}, Layer{33, 3, 1}}) {
      for (const DType dtype : kDTypes) {
        const Case test(*map, layer, dtype, 14);
        test.expect_right(test.run(device.execution));
      }
    }
  }
}

TEST_F(WgradOnFibers, TheLaunchesDoNotDependOnTheDataAndNothingWaits) {
  std::mt19937 random(4);
  const auto many = ref::submanifold_map(random, 200, 7, 3);
  const auto few = ref::submanifold_map(random, 3, 7, 3);
  const auto none = ref::make_reference(27, 4, 4, -1, {});
  const std::int64_t waits = synchronizations();
  std::vector<std::vector<std::string>> names;
  for (const auto* map : {&many, &few, &none}) {
    names.push_back(testing_cuda::launches_of([&] {
      Case(*map, {16, 16, 1}, DType::float32, 5).run(device.execution);
    }));
  }
  EXPECT_EQ(names[0], (std::vector<std::string>{"multiply_pieces_f32_16", "add_pieces_f32"}));
  EXPECT_EQ(names[0], names[1]);
  EXPECT_EQ(names[0], names[2]);
  EXPECT_EQ(synchronizations(), waits);
}

TEST_F(WgradOnFibers, RowsWhoseElementsLiePastTwoToThe31) {
  // x is [2^22 + 2, 1031] of float16, 8.6 GB of which two rows are touched.
  constexpr std::int64_t kRows = (std::int64_t{1} << 22) + 2, kChannels = 1031;
  static_assert((kRows - 1) * kChannels > (std::int64_t{1} << 32));
  ref::FarMemory<Float16> x(kRows * kChannels);
  const auto last = static_cast<std::int32_t>(kRows - 1);
  for (std::int64_t c = 0; c < kChannels; ++c) {
    x[c] = Float16(1.0F);
    x[last * kChannels + c] = Float16(static_cast<float>(c % 16));
  }
  const auto map = ref::make_reference(1, kRows, 2, -1, {{0, 0, 0}, {0, last, 1}});
  std::mt19937 random(6);
  for (const int groups : {1, 1031}) {
    const std::int64_t out = groups == 1 ? 24 : groups;
    const auto grad = ref::store(std::vector<double>(static_cast<std::size_t>(2 * out), 2.0),
                                 DType::float16, {2, out});
    Tensor grad_w = ref::unwritten(DType::float16, {1, kChannels / groups, out});
    const ConstTensorView view(x.data(), DType::float16, {kRows, kChannels});
    cuda::convolution_wgrad(device.execution, {map.map, kChannels, out, groups, {}}, view,
                            grad.tensor, grad_w);
    const auto values = ref::to_doubles(grad_w);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t c = groups == 1 ? i / 24 : i;
      ASSERT_EQ(values[i], 2.0 * (1.0 + static_cast<double>(c % 16))) << i;
    }
  }
}

struct PiecesArgs {
  Pieces pieces;
  std::int64_t bound;
  Piece* found;        // [bound]
  PieceRange* ranges;  // [offsets]
};

void list_pieces_kernel(PiecesArgs args) {
  for (std::int64_t i = 0; i < args.bound; ++i) {
    const Piece piece = find_piece(args.pieces, i);
    if (lane_index() == static_cast<int>(i % 32)) args.found[i] = piece;
  }
  for (int k = 0; k < args.pieces.offsets; ++k) {
    const PieceRange range = pieces_of(args.pieces, k);
    if (lane_index() == k % 32) args.ranges[k] = range;
  }
}

TEST(Pieces, CoverEveryPairOnceInOrderWithinTheirBound) {
  std::mt19937 random(5);
  for (const int offsets : {1, 27, 32, 33, 70}) {
    for (const int most : {0, 1, 31}) {
      std::vector<std::int64_t> begin{0};
      for (int k = 0; k < offsets; ++k)
        begin.push_back(begin.back() + (most > 0 ? static_cast<int>(random()) & most : 0));
      const std::int64_t total = begin.back();
      for (const std::int64_t chunk : {1, 5, 1000}) {
        for (const std::int64_t most_chunks : {1, 16, 512}) {
          const Pieces pieces{begin.data(), offsets, chunk, most_chunks};
          const std::int64_t bound = pieces.bound(total);
          ASSERT_LE(bound, most_chunks + offsets);
          ASSERT_LE(bound, 2 * total);  // few pairs take little memory
          ASSERT_LE(bound, pieces.bound(total + 1000));
          std::vector<Piece> found(static_cast<std::size_t>(bound));
          std::vector<PieceRange> ranges(static_cast<std::size_t>(offsets));
          launch("list_pieces", nullptr, {.threads = 32}, list_pieces_kernel,
                 {pieces, bound, found.data(), ranges.data()});
          std::int64_t next = 0, count = 0, length = 0;
          for (const Piece& piece : found) {
            if (piece.offset < 0) break;
            const auto k = static_cast<std::size_t>(piece.offset);
            ASSERT_EQ(piece.begin, next);
            ASSERT_GT(piece.end, piece.begin);
            ASSERT_GE(piece.begin, begin[k]);
            ASSERT_LE(piece.end, begin[k + 1]);
            ASSERT_GE(count, ranges[k].begin);
            ASSERT_LT(count, ranges[k].end);
            if (length == 0 && piece.end < begin[k + 1]) length = piece.end - piece.begin;
            if (piece.end < begin[k + 1]) {
              ASSERT_EQ(piece.end - piece.begin, length);
            }
            next = piece.end;
            ++count;
          }
          ASSERT_EQ(next, total) << offsets << " offsets, chunks of " << chunk;
          std::int64_t first = 0;
          for (const PieceRange& range : ranges) {
            ASSERT_EQ(range.begin, first);
            first = range.end;
          }
          ASSERT_EQ(first, count);
        }
      }
    }
  }
}

TEST_F(WgradOnFibers, ColumnSumsEqualTheDefinition) {
  for (const DType dtype : kDTypes) {
    for (const std::int64_t rows : {0, 1, 255, 256, 257, 3000}) {
      for (const std::int64_t channels : {1, 5, 33}) {
        std::mt19937 random(12);
        const auto x = ref::random_values(random, dtype, {rows, channels});
        ref::Expected expected(channels);
        for (std::size_t i = 0; i < x.exact.size(); ++i)
          expected.add(static_cast<std::int64_t>(i) % channels, x.exact[i]);
        const auto run = [&] {
          Tensor sums = ref::unwritten(dtype, {channels});
          cuda::column_sum(device.execution, x.tensor, sums);
          return sums;
        };
        const Tensor sums = run();
        const auto values = ref::to_doubles(sums);
        for (std::size_t c = 0; c < values.size(); ++c)
          ASSERT_NEAR(values[c], expected.value[c],
                      ref::tolerance(dtype, rows, expected.magnitude[c], expected.value[c]));
        if (rows == 257) ref::for_each_schedule([&] { EXPECT_TRUE(ref::same_bits(sums, run())); });
      }
    }
  }
}

TEST_F(Wgrad, ColumnSumsHaveTheSameBitsForEveryOrderOfBlocksAndEngine) {
  std::mt19937 random(13);
  const auto x = ref::random_values(random, DType::float32, {600, 35});
  const auto run = [&] {
    Tensor sums = ref::unwritten(DType::float32, {35});
    cuda::column_sum(device.execution, x.tensor, sums);
    return sums;
  };
  const Tensor first = run();
  ref::for_each_schedule([&] { EXPECT_TRUE(ref::same_bits(first, run())); });
}

TEST_F(Wgrad, AGridOfOneBlockGivesTheSameBits) {
  // As on a GPU where there is more to do than a grid can have blocks.
  std::mt19937 random(14);
  const auto map = ref::strided_map(random, 60, 30, 6, 2);
  const auto x = ref::random_values(random, DType::float32, {60, 40});
  const auto grad_y = ref::random_values(random, DType::float32, {30, 40});
  const Pieces pieces{map.map.pair_begin().span<std::int64_t>().data(), map.offsets, 5, 100};
  const std::int64_t bound = pieces.bound(map.map.pairs());
  const auto run = [&](std::int64_t blocks, std::int64_t groups) {
    const std::int64_t in_group = 40 / groups;
    Tensor sums = ref::unwritten(DType::float32, {bound, in_group, 40});
    const MultiplyPiecesArgs<float> args{x.tensor.span<float>().data(),
                                         grad_y.tensor.span<float>().data(),
                                         map.map.pair_in().span<std::int32_t>().data(),
                                         map.map.pair_out().span<std::int32_t>().data(),
                                         pieces,
                                         bound,
                                         40,
                                         40,
                                         in_group,
                                         in_group,
                                         false,
                                         sums.span<float>().data()};
    using Tile = BlockTile<16, 16, 16, 2, 2>;
    if (groups == 40) {
      launch("thin", nullptr,
             {.blocks = blocks,
              .threads = kStripeThreads,
              .shared_bytes = sizeof(StripesShared<float>)},
             multiply_thin_pieces_kernel<float>, args);
    } else {
      launch("tiles", nullptr,
             {.blocks = blocks,
              .threads = Tile::kThreads,
              .shared_bytes = sizeof(StagedTerms<Tile, float>)},
             multiply_pieces_kernel<Tile, float>, args);
    }
    return sums;
  };
  for (const std::int64_t groups : {1, 40})
    EXPECT_TRUE(ref::same_bits(run(1, groups), run(bound * 9, groups)));

  const auto sum_columns = [&](std::int64_t blocks) {
    Tensor sums = ref::unwritten(DType::float32, {6, 40});
    launch(
        "columns", nullptr,
        {.blocks = blocks, .threads = kStripeThreads, .shared_bytes = sizeof(StripesShared<float>)},
        sum_columns_kernel<float, float>,
        {x.tensor.span<float>().data(), RowCount{60}, 40, 1, 6, sums.span<float>().data()});
    return sums;
  };
  const Tensor sums = sum_columns(1);
  EXPECT_TRUE(ref::same_bits(sums, sum_columns(12)));
  for (std::size_t c = 0; c < 40; ++c) {
    double total = 0, expected = 0;
    for (std::size_t piece = 0; piece < 6; ++piece) total += sums.span<float>()[piece * 40 + c];
    for (std::size_t row = 0; row < 60; ++row) expected += x.tensor.span<float>()[row * 40 + c];
    EXPECT_NEAR(total, expected, 1e-4) << "column " << c;
  }
}

}  // namespace
}  // namespace gavotte::internal::cuda
