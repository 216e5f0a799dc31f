// The weights' gradient by matrix tiles: on tiles in software everywhere, and on those of the CPU where it has them, against
// its chains of sums bit for bit, and against a sum in double.
#include "cpu/simd/wgrad_tiles.h"

#include <gtest/gtest.h>
#include <hwy/base.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "cpu/simd/intrinsics.h"
#include "cpu/simd/matrix_tiles.h"
#include "cpu/simd/unroll.h"
#include "function_ref.h"
#include "half.h"
#include "small_values.h"
#include "software_tiles.h"

namespace gavotte::internal::cpu {
namespace {

#include "cpu/simd/wgrad_tiles-inl.h"
#if HWY_ARCH_X86_64
HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")
#include "cpu/simd/wgrad_stage-inl.h"
HWY_POP_ATTRIBUTES
#endif

using test::flushed;
using test::small_values;
using test::SoftwareTiles;
using Kernel = FunctionRef<void(const TiledWgrad&)>;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// What the header of the kernel says of tiles, value by value.
struct PlainStage {
  static void write(std::byte* to, std::int64_t row, std::int64_t value, std::uint16_t bits) {
    std::memcpy(to + row * 64 + value * 2, &bits, sizeof(bits));
  }
  static void transpose(const Row* rows, std::int64_t first, std::int64_t channels, std::byte* to,
                        std::int64_t tile_stride) {
    for (std::int64_t c = 0; c < tiles_of(channels) * 16; ++c)
      for (std::int64_t j = 0; j < 32; ++j)
        write(to + c / 16 * tile_stride, c % 16, j, c < channels ? rows[j][first + c] : 0);
  }
  static void pair(const Row* rows, std::int64_t channels, std::byte* to,
                   std::int64_t tile_stride) {
    for (std::int64_t tile = 0; tile < tiles_of(channels); ++tile)
      for (std::int64_t column = 0; column < 16; ++column)
        for (std::int64_t j = 0; j < 32; ++j) {
          const std::int64_t channel = channel_of(channels, tile, column);
          write(to + tile * tile_stride, j / 2, 2 * column + j % 2,
                channel < channels ? rows[j][channel] : 0);
        }
  }
};

TEST(WgradTiles, EachChannelHasOneColumn) {
  for (std::int64_t channels = 1; channels <= 100; ++channels) {
    std::vector<int> columns(at(tiles_of(channels) * 16), 0);
    for (std::int64_t tile = 0; tile < tiles_of(channels); ++tile)
      for (std::int64_t column = 0; column < 16; ++column) {
        const std::int64_t channel = channel_of(channels, tile, column);
        ASSERT_LT(channel, tiles_of(channels) * 16) << channels << " channels";
        ++columns[at(channel)];
      }
    for (const int count : columns) ASSERT_EQ(count, 1) << channels << " channels";
  }
}

#if HWY_ARCH_X86_64
// Into memory of other bytes, of which nothing but the tiles is written.
TEST(WgradTiles, VectorsStageWhatTheDefinitionDoes) {
  if (!__builtin_cpu_supports("avx512bw")) GTEST_SKIP() << "this CPU has no AVX-512";
  std::mt19937 random(2);
  for (std::int64_t channels = 1; channels <= 100; ++channels) {
    std::vector<std::vector<std::uint16_t>> memory;
    Row rows[32];
    for (Row& row : rows) {
      auto& values = memory.emplace_back(at(channels));
      for (auto& value : values) value = static_cast<std::uint16_t>(random());
      row = values.data();
    }
    const std::int64_t stride = 1024 + 64, bytes = tiles_of(channels) * stride;
    const auto staged = [&](auto stage) {
      const std::unique_ptr<std::byte, decltype(&std::free)> to(
          static_cast<std::byte*>(std::aligned_alloc(64, at(bytes))), &std::free);
      std::memset(to.get(), 0x5a, at(bytes));
      stage(to.get());
      return std::vector<std::byte>(to.get(), to.get() + bytes);
    };
    ASSERT_EQ(staged([&](std::byte* to) { VectorStage::pair(rows, channels, to, stride); }),
              staged([&](std::byte* to) { PlainStage::pair(rows, channels, to, stride); }))
        << channels << " channels";
    const std::int64_t first = channels / 3, some = std::min<std::int64_t>(channels - first, 32);
    ASSERT_EQ(staged([&](std::byte* to) { VectorStage::transpose(rows, first, some, to, stride); }),
              staged([&](std::byte* to) { PlainStage::transpose(rows, first, some, to, stride); }))
        << some << " channels from " << first;
  }
}
#endif

struct Case {
  std::int64_t in, out;
  int groups;
  std::int64_t count;
  bool first;
};

// Each number of channels with each other; counts of pairs follow each other: none, parts of a step, of a chunk, several.
std::vector<Case> cases() {
  const std::vector<std::int64_t> counts = {1, 31, 32, 33, 0, 63, 64, 65, 130};
  std::vector<Case> all;
  std::size_t next = 0;
  for (const std::int64_t in : {1, 15, 16, 17, 32, 33, 50})
    for (const std::int64_t out : {4, 16, 17, 32, 33, 48, 65}) {
      all.push_back({in, out, next % 4 == 0 ? 3 : 1, counts[next % counts.size()], next % 3 == 0});
      ++next;
    }
  // Chunks of more pairs.
  for (const std::int64_t count : {255, 256, 257}) all.push_back({260, 16, 1, count, true});
  all.push_back({260, 16, 2, 520, false});
  all.push_back({18, 240, 1, 260, false});
  return all;
}

struct Problem {
  static constexpr std::int64_t kRows = 90;
  Case test;
  std::vector<BFloat16> x, grad;
  std::vector<std::int32_t> x_rows, grad_rows;
  std::vector<float> before;  // [groups][in][out]

  Problem(const Case& test, unsigned seed) : test(test) {
    std::mt19937 random(seed);
    x = small_values(random, kRows * test.groups * test.in);
    grad = small_values(random, kRows * test.groups * test.out);
    std::uniform_int_distribution<std::int32_t> row(0, kRows - 1);
    for (std::int64_t j = 0; j < test.count; ++j) {
      x_rows.push_back(j == 0 ? kRows - 1 : row(random));
      grad_rows.push_back(j == 0 ? kRows - 1 : row(random));
    }
    for (const BFloat16 value : small_values(random, test.groups * test.in * test.out))
      before.push_back(test.first ? 0.0F : static_cast<float>(value));
  }

  float x_at(int group, std::int64_t j, std::int64_t i) const {
    return static_cast<float>(x[at((x_rows[at(j)] * test.groups + group) * test.in + i)]);
  }
  float grad_at(int group, std::int64_t j, std::int64_t o) const {
    return static_cast<float>(grad[at((grad_rows[at(j)] * test.groups + group) * test.out + o)]);
  }

  // The memory ends where what the kernel needs does; sums that `first` replaces are NaN.
  std::vector<float> run(Kernel kernel) const {
    const std::int64_t elements = tiled_elements(test.in, test.out);
    const std::int64_t bytes = (tiled_wgrad_bytes(test.in, test.out) + 63) / 64 * 64;
    const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(64, at(bytes)),
                                                             &std::free);
    std::vector<float> sums(at(test.groups * elements), std::numeric_limits<float>::quiet_NaN());
    if (!test.first)
      for (std::int64_t k = 0; k < test.groups * elements; ++k) {
        const bool turned = tiles_of(test.in) > tiles_of(test.out);
        const std::int64_t wide = turned ? test.in : test.out;
        const std::int64_t tile = k % elements / 256, columns = (wide + 15) / 16;
        std::int64_t i = tile / columns * 16 + k % 256 / 16;
        std::int64_t o = channel_of(wide, tile % columns, k % 16);
        if (turned) std::swap(i, o);
        if (i < test.in && o < test.out)
          sums[at(k)] = before[at((k / elements * test.in + i) * test.out + o)];
      }
    kernel({x.data(),
            grad.data(),
            test.in,
            test.out,
            test.groups,
            sums.data(),
            {x_rows.data(), grad_rows.data(), test.count},
            test.first,
            static_cast<std::byte*>(memory.get())});
    std::vector<float> ordered(before.size());
    const std::int64_t strips = tiled_strips(test.in, test.out);
    for (int group = 0; group < test.groups; ++group)
      for (std::int64_t s = 0; s < strips; ++s) {
        const WgradStrip strip = tiled_strip(test.in, test.out, s);
        untile_strip(
            sums.data() + group * elements + s * elements / strips, test.in, test.out, strip,
            ordered.data() + (group * test.in + strip.row) * test.out + strip.column, test.out);
      }
    return ordered;
  }

  // What the header of the kernel says of one element.
  float sum_of_chains(int group, std::int64_t i, std::int64_t o) const {
    float sum = before[at((group * test.in + i) * test.out + o)];
    if (!test.first && test.count > 0) sum = flushed(sum);
    for (std::int64_t step = 0; step < test.count; step += 32) {
      float chains[2] = {0, 0};
      for (std::int64_t j = step; j < step + 32; ++j) {
        const float product_x = j < test.count ? flushed(x_at(group, j, i)) : 0.0F;
        const float product_grad = j < test.count ? flushed(grad_at(group, j, o)) : 0.0F;
        float& chain = chains[j % 2];
        chain = flushed(std::fma(product_x, product_grad, chain));
      }
      sum = flushed(sum + flushed(chains[0] + chains[1]));
    }
    return sum;
  }
};

// A term is rounded in a chain of up to 16 products, in the sum of two chains, then in that of each step that follows; every
// operation may flush a sum below the least normal number.
void expect_near_definition(const Problem& problem, const std::vector<float>& sums) {
  const Case& test = problem.test;
  const double steps = std::ceil(static_cast<double>(test.count) / 32);
  const double roundings = (16 + 1 + steps) * 0x1p-24;
  const double relative = roundings / (1 - roundings);
  const double flushes = 3 * (32 * steps + 1) * 0x1p-126;
  std::size_t place = 0;
  for (int group = 0; group < test.groups; ++group)
    for (std::int64_t i = 0; i < test.in; ++i)
      for (std::int64_t o = 0; o < test.out; ++o, ++place) {
        auto sum = static_cast<double>(problem.before[place]);
        double magnitude = std::abs(sum);
        for (std::int64_t j = 0; j < test.count; ++j) {
          const double term = static_cast<double>(problem.x_at(group, j, i)) *
                              static_cast<double>(problem.grad_at(group, j, o));
          sum += term;
          magnitude += std::abs(term);
        }
        ASSERT_NEAR(static_cast<double>(sums[place]), sum, relative * magnitude + flushes)
            << "group " << group << ", element " << i << ", " << o;
      }
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

void expect_sums(Kernel kernel) {
  unsigned seed = 1;
  for (const Case& test : cases()) {
    SCOPED_TRACE(testing::Message()
                 << test.in << " -> " << test.out << ", " << test.groups << " groups, "
                 << test.count << " pairs" << (test.first ? ", first" : ""));
    const Problem problem(test, seed++);
    const std::vector<float> sums = problem.run(kernel);
    std::vector<float> expected;
    for (int group = 0; group < test.groups; ++group)
      for (std::int64_t i = 0; i < test.in; ++i)
        for (std::int64_t o = 0; o < test.out; ++o)
          expected.push_back(problem.sum_of_chains(group, i, o));
    ASSERT_EQ(bits_of(sums), bits_of(expected));
    expect_near_definition(problem, sums);
    if (testing::Test::HasFatalFailure()) return;
  }
}

void multiply_in_software(const TiledWgrad& args) {
  add_pairs_by_tiles<SoftwareTiles, PlainStage>(args);
}

TEST(WgradTiles, EqualTheirChainsOfSums) {
  expect_sums([](const TiledWgrad& args) {
    multiply_in_software(args);
    EXPECT_EQ(SoftwareTiles::configured, 0);
  });
}

TEST(WgradTiles, OfTheCpuEqualTheirChainsOfSums) {
  if (!may_use_tiles(DType::bfloat16)) GTEST_SKIP() << "this CPU, or its system, has no AMX-BF16";
  expect_sums(&tiled_wgrad);
}

// What fills up tiles is multiplied with nobody else's.
TEST(WgradTiles, ANanStaysInItsRowAndColumn) {
  Problem problem({33, 20, 1, 40, true}, 5);
  const BFloat16 nan(std::nanf(""));
  problem.x[at(problem.x_rows[7] * 33 + 4)] = nan;
  problem.grad[at(problem.grad_rows[9] * 20 + 17)] = nan;
  const std::vector<float> sums = problem.run(&multiply_in_software);
  for (std::int64_t i = 0; i < 33; ++i)
    for (std::int64_t o = 0; o < 20; ++o)
      ASSERT_EQ(std::isnan(sums[at(i * 20 + o)]), i == 4 || o == 17) << i << ", " << o;
}

TEST(WgradTiles, AreTakenWhereACallAllowsThemAndFillsThem) {
  const bool has = may_use_tiles(DType::bfloat16);
  EXPECT_EQ(takes_wgrad_tiles(64, 64, 1, true), has);
  EXPECT_EQ(takes_wgrad_tiles(1, 4, 1, true), has);
  EXPECT_EQ(takes_wgrad_tiles(8, 8, 4, true), has);
  EXPECT_FALSE(takes_wgrad_tiles(4, 4, 4, true));
  EXPECT_FALSE(takes_wgrad_tiles(64, 64, 1, false));
}

}  // namespace
}  // namespace gavotte::internal::cpu
