// The kernel of matrix tiles: on tiles in software everywhere, and on those of the CPU where it has them. bfloat16 against
// its chains of sums bit for bit, and against a sum in double; bytes against integer loops.
#include <gtest/gtest.h>
#include <hwy/base.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <type_traits>
#include <vector>

#include "cpu/simd/matrix_tiles.h"
#include "cpu/simd/native_kernels.h"
#include "function_ref.h"
#include "half.h"
#include "small_values.h"
#include "software_tiles.h"

namespace gavotte::internal::cpu {
namespace {

#include "cpu/simd/indirect_tiles-inl.h"

using test::flushed;
using test::small_values;
using test::SoftwareTiles;
using Kernel = FunctionRef<void(const IndirectGemm&)>;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Case {
  std::int64_t in, out, count;
  bool first, added, dense;  // dense: rows end where the next begins
};

// Each number of channels with each of columns; counts of pairs and forms follow each other.
std::vector<Case> cases(const std::vector<std::int64_t>& channels) {
  const std::vector<std::int64_t> counts = {1, 15, 16, 17, 31, 32, 33, 0, 50, 64, 71};
  std::vector<Case> all;
  std::size_t next = 0;
  for (const std::int64_t in : channels)
    for (const std::int64_t out : {1, 16, 17, 32, 33, 48, 64, 65, 100})
      for (int repeat = 0; repeat < 3; ++repeat, ++next)
        all.push_back(
            {in, out, counts[next % counts.size()], next % 2 == 0, next % 3 == 0, next % 5 < 2});
  return all;
}

template <class T, class Sum>
struct Problem {
  static constexpr std::int64_t kRows = 75, kBefore = 3;
  Case test;
  std::int64_t x_stride, y_stride;
  std::vector<T> x, weights;
  std::vector<Sum> y;
  std::vector<std::int32_t> added, x_rows, y_rows;

  Problem(const Case& test, std::mt19937& random)
      : test(test),
        x_stride(test.in + (test.dense ? 0 : 3)),
        y_stride(test.out + (test.dense ? 0 : 5)),
        x_rows(kRows),
        y_rows(kRows) {
    std::iota(x_rows.begin(), x_rows.end(), 0);
    std::iota(y_rows.begin(), y_rows.end(), 0);
    std::shuffle(x_rows.begin(), x_rows.end(), random);
    std::shuffle(y_rows.begin(), y_rows.end(), random);
    std::uniform_int_distribution<std::int32_t> value(-1000000, 1000000);
    if (test.added)
      for (std::int64_t o = 0; o < test.out; ++o) added.push_back(value(random));
  }

  // The place in x of pair j's first channel, and that in y of its first column.
  std::int64_t x_at(std::int64_t j) const { return x_rows[at(j)] * x_stride; }
  std::int64_t y_at(std::int64_t j) const { return kBefore + y_rows[at(j)] * y_stride; }

  // The last row of x ends with its memory, and so do the panels: AddressSanitizer sees a read behind them.
  std::vector<Sum> run(DType dtype, Kernel kernel) const {
    constexpr PanelLayout layout = tile_layout<T>();
    const std::int64_t bytes =
        panel_elements(layout, test.in, test.out) * static_cast<std::int64_t>(sizeof(T));
    const std::unique_ptr<void, decltype(&std::free)> panels(std::aligned_alloc(64, at(bytes)),
                                                             &std::free);
    pack_panels(layout, {dtype, weights.data(), test.in, test.out, test.out, 1}, panels.get());
    std::vector<Sum> result = y;
    kernel({dtype, x.data(), x_stride, panels.get(), test.in, test.out, result.data() + kBefore,
            y_stride, x_rows.data(), y_rows.data(), test.count, test.first, false,
            test.added ? added.data() : nullptr, true});
    return result;
  }
};

using BFloat16Problem = Problem<BFloat16, float>;
using ByteProblem = Problem<std::uint8_t, std::int32_t>;

BFloat16Problem bfloat16_problem(const Case& test, unsigned seed) {
  std::mt19937 random(seed);
  BFloat16Problem problem(test, random);
  problem.x = small_values(random, BFloat16Problem::kRows * problem.x_stride);
  problem.weights = small_values(random, test.in * test.out);
  for (const BFloat16 value :
       small_values(random, BFloat16Problem::kRows * problem.y_stride + BFloat16Problem::kBefore))
    problem.y.push_back(static_cast<float>(value));
  return problem;
}

// What the header of the kernel says of pair j and column o.
float sum_of_chains(const BFloat16Problem& problem, std::int64_t j, std::int64_t o) {
  const Case& test = problem.test;
  const auto product = [&](std::int64_t i, float sum) {
    if (i >= test.in) return flushed(sum + 0.0F);
    return flushed(std::fma(flushed(static_cast<float>(problem.x[at(problem.x_at(j) + i)])),
                            flushed(static_cast<float>(problem.weights[at(i * test.out + o)])),
                            sum));
  };
  float y = problem.y[at(problem.y_at(j) + o)];
  for (std::int64_t chunk = 0; chunk < test.in; chunk += 256) {
    float sum = 0;
    for (std::int64_t part = chunk; part < std::min(chunk + 256, test.in); part += 32) {
      float first = 0, second = 0;
      for (std::int64_t i = part; i < part + 32; i += 2) {
        first = product(i, first);
        second = product(i + 1, second);
      }
      sum = flushed(sum + flushed(first + second));
    }
    y = test.first && chunk == 0 ? sum : y + sum;
  }
  return y;
}

// A term is rounded in a chain of up to 16 products, in the sum of two chains, then in that of each part and chunk that
// follows; every operation may flush a sum below the least normal number.
void expect_near_definition(const BFloat16Problem& problem, const std::vector<float>& y) {
  const Case& test = problem.test;
  const double parts = std::ceil(static_cast<double>(test.in) / 32);
  const double roundings = (16 + 1 + 2 * parts) * 0x1p-24;
  const double relative = roundings / (1 - roundings);
  const double flushes = (3 * 32 * parts + 2 * parts) * 0x1p-126;
  for (std::int64_t j = 0; j < test.count; ++j) {
    for (std::int64_t o = 0; o < test.out; ++o) {
      const std::size_t place = at(problem.y_at(j) + o);
      double sum = test.first ? 0 : static_cast<double>(problem.y[place]);
      double magnitude = std::abs(sum);
      for (std::int64_t i = 0; i < test.in; ++i) {
        const double term =
            static_cast<double>(static_cast<float>(problem.x[at(problem.x_at(j) + i)])) *
            static_cast<double>(static_cast<float>(problem.weights[at(i * test.out + o)]));
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(static_cast<double>(y[place]), sum, relative * magnitude + flushes)
          << "pair " << j << " column " << o;
    }
  }
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

void expect_bfloat16(Kernel kernel) {
  unsigned seed = 1;
  for (const Case& test : cases({1, 2, 31, 32, 33, 64, 100, 256, 257, 300})) {
    SCOPED_TRACE(testing::Message()
                 << test.in << " -> " << test.out << ", " << test.count << " pairs"
                 << (test.first ? ", first" : "") << (test.dense ? ", dense" : ""));
    const BFloat16Problem problem = bfloat16_problem(test, seed++);
    const std::vector<float> y = problem.run(DType::bfloat16, kernel);
    std::vector<float> expected = problem.y;
    for (std::int64_t j = 0; j < test.count; ++j)
      for (std::int64_t o = 0; o < test.out; ++o)
        expected[at(problem.y_at(j) + o)] = sum_of_chains(problem, j, o);
    ASSERT_EQ(bits_of(y), bits_of(expected));
    expect_near_definition(problem, y);
    if (testing::Test::HasFatalFailure()) return;
  }
}

void expect_bytes(Kernel kernel) {
  unsigned seed = 1;
  for (const Case& test : cases({1, 3, 4, 63, 64, 65, 128, 130, 512, 513, 600})) {
    SCOPED_TRACE(testing::Message()
                 << test.in << " -> " << test.out << ", " << test.count << " pairs"
                 << (test.first ? ", first" : "") << (test.added ? ", added" : "")
                 << (test.dense ? ", dense" : ""));
    std::mt19937 random(seed++);
    ByteProblem problem(test, random);
    std::uniform_int_distribution<int> byte(0, 255);
    for (std::int64_t i = 0; i < ByteProblem::kRows * problem.x_stride; ++i)
      problem.x.push_back(static_cast<std::uint8_t>(byte(random)));
    for (std::int64_t i = 0; i < test.in * test.out; ++i)
      problem.weights.push_back(static_cast<std::uint8_t>(byte(random)));
    // Some sums pass 2^31.
    std::uniform_int_distribution<std::int32_t> any(std::numeric_limits<std::int32_t>::min(),
                                                    std::numeric_limits<std::int32_t>::max());
    for (std::int64_t i = 0; i < ByteProblem::kRows * problem.y_stride + ByteProblem::kBefore; ++i)
      problem.y.push_back(any(random));
    std::vector<std::int32_t> expected = problem.y;
    for (std::int64_t j = 0; j < test.count; ++j) {
      for (std::int64_t o = 0; o < test.out; ++o) {
        std::int32_t& y = expected[at(problem.y_at(j) + o)];
        std::int64_t sum = test.first ? 0 : y;
        if (test.added) sum += problem.added[at(o)];
        for (std::int64_t i = 0; i < test.in; ++i)
          sum += std::int64_t{problem.x[at(problem.x_at(j) + i)]} *
                 static_cast<std::int8_t>(problem.weights[at(i * test.out + o)]);
        y = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum));
      }
    }
    ASSERT_EQ(problem.run(DType::uint8, kernel), expected);
  }
}

TEST(TileKernel, BFloat16EqualsItsChainsOfSums) {
  expect_bfloat16([](const IndirectGemm& args) {
    multiply_by_tiles<SoftwareTiles, std::uint16_t, float>(args);
    EXPECT_EQ(SoftwareTiles::configured, 0);
  });
}

TEST(TileKernel, BytesEqualIntegerLoops) {
  expect_bytes([](const IndirectGemm& args) {
    multiply_by_tiles<SoftwareTiles, std::uint8_t, std::int32_t>(args);
    EXPECT_EQ(SoftwareTiles::configured, 0);
  });
}

// A row of NaN is nobody else's, and what fills up tiles is not multiplied with it.
TEST(TileKernel, ARowOfNanStaysAlone) {
  const Case test = {33, 20, 40, true, false, true};
  BFloat16Problem problem = bfloat16_problem(test, 5);
  const std::int32_t nan_row = problem.x_rows[7];
  for (std::int64_t i = 0; i < test.in; ++i)
    problem.x[at(nan_row * problem.x_stride + i)] = BFloat16(std::nanf(""));
  const std::vector<float> y = problem.run(DType::bfloat16, [](const IndirectGemm& args) {
    multiply_by_tiles<SoftwareTiles, std::uint16_t, float>(args);
  });
  for (std::int64_t j = 0; j < test.count; ++j)
    for (std::int64_t o = 0; o < test.out; ++o)
      ASSERT_EQ(std::isnan(y[at(problem.y_at(j) + o)]), j == 7) << "pair " << j;
}

TEST(TileKernel, ReadsThePanelsOfTheVectorKernels) {
  const auto expect_layout = [](const NativeKernels* kernels, const PanelLayout& expected) {
    if (kernels == nullptr) return;
    const PanelLayout layout = kernels->panel_layout();
    EXPECT_EQ(layout.lanes, expected.lanes);
    EXPECT_EQ(layout.widest, expected.widest);
    EXPECT_EQ(layout.inputs, expected.inputs);
  };
  if (bfloat16_kernels() == nullptr && byte_kernels() == nullptr)
    GTEST_SKIP() << "this CPU has neither AVX512_BF16 nor AVX512_VNNI";
  expect_layout(bfloat16_kernels(), tile_layout<std::uint16_t>());
  expect_layout(byte_kernels(), tile_layout<std::uint8_t>());
}

// A CPU without tiles takes the call by vectors.
TEST(TileKernel, IsLeftOutWhereTheProcessMayNotUseTiles) {
  const Case test = {64, 32, 40, true, false, true};
  BFloat16Problem problem = bfloat16_problem(test, 9);
  if (may_use_tiles(DType::bfloat16)) GTEST_SKIP() << "this process may use tiles";
  const std::vector<float> y = problem.run(
      DType::bfloat16, [](const IndirectGemm& args) { EXPECT_FALSE(multiply_by_tiles(args)); });
  EXPECT_EQ(y, problem.y);
  if (bfloat16_kernels() == nullptr) return;
  const auto by_vectors = [&](bool matrix_tiles) {
    return bits_of(problem.run(DType::bfloat16, [&](IndirectGemm args) {
      args.matrix_tiles = matrix_tiles;
      bfloat16_kernels()->indirect_gemm(args);
    }));
  };
  EXPECT_EQ(by_vectors(true), by_vectors(false));
}

// Calls that do not fill tiles go to vectors, whose sums other tests check: here they go to the tiles in software.
TEST(TilesOfTheCpu, MultiplyBFloat16BitForBit) {
  if (!may_use_tiles(DType::bfloat16)) GTEST_SKIP() << "this CPU, or its system, has no AMX-BF16";
  expect_bfloat16([](const IndirectGemm& args) {
    if (!multiply_by_tiles(args)) multiply_by_tiles<SoftwareTiles, std::uint16_t, float>(args);
  });
}

TEST(TilesOfTheCpu, MultiplyBytesExactly) {
  if (!may_use_tiles(DType::uint8)) GTEST_SKIP() << "this CPU, or its system, has no AMX-INT8";
  expect_bytes([](const IndirectGemm& args) {
    if (!multiply_by_tiles(args))
      multiply_by_tiles<SoftwareTiles, std::uint8_t, std::int32_t>(args);
  });
}

TEST(TilesOfTheCpu, AreTakenWhereACallFillsThem) {
  if (!may_use_tiles(DType::bfloat16)) GTEST_SKIP() << "this CPU, or its system, has no AMX-BF16";
  const auto taken = [](const Case& test, bool asks) {
    bool taken = false;
    bfloat16_problem(test, 3).run(DType::bfloat16, [&](IndirectGemm args) {
      args.matrix_tiles = asks;
      taken = multiply_by_tiles(args);
    });
    return taken;
  };
  EXPECT_TRUE(taken({32, 16, 4, true, false, true}, true));
  EXPECT_FALSE(taken({32, 16, 4, true, false, true}, false));
  EXPECT_FALSE(taken({23, 16, 4, true, false, true}, true));
  EXPECT_FALSE(taken({32, 15, 4, true, false, true}, true));
}

}  // namespace
}  // namespace gavotte::internal::cpu
