// The host bodies of PTX wrappers: fragments filled by the documented layouts, results against plain
// loops in double.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "cuda/launch.h"
#include "cuda/ptx/cp_async.h"
#include "cuda/ptx/ldmatrix.h"
#include "cuda/ptx/mma.h"
#include "emulator.h"
#include "gavotte/error.h"

namespace gavotte::internal::cuda {
namespace {

class Ptx : public ::testing::TestWithParam<emulator::Engine> {
 protected:
  Ptx() { emulator::options().engine = GetParam(); }
  ~Ptx() override { emulator::reset_options(); }

  template <class Body>
  static void run(const LaunchShape& shape, Body body) {
    launch(
        "test_kernel", nullptr, shape, +[](Body run_body) { run_body(); }, body);
  }
};

struct Squares {
  alignas(16) std::uint16_t rows[32][8];
};

TEST_P(Ptx, LdmatrixGivesEachLaneItsElements) {
  // Matrix m holds 100 m + 10 row + column.
  std::vector<std::uint32_t> straight(32 * 4), transposed(32 * 4);
  run({.threads = 32, .shared_bytes = sizeof(Squares)},
      [straight = straight.data(), transposed = transposed.data()] {
        auto& squares = shared_storage<Squares>();
        const int lane = lane_index();
        for (int column = 0; column < 8; ++column)
          squares.rows[lane][column] =
              static_cast<std::uint16_t>(100 * (lane / 8) + 10 * (lane % 8) + column);
        sync_warp();
        std::uint32_t registers[4];
        ptx::ldmatrix_x4(registers, squares.rows[lane]);
        for (int m = 0; m < 4; ++m) straight[4 * lane + m] = registers[m];
        ptx::ldmatrix_x4_trans(registers, squares.rows[lane]);
        for (int m = 0; m < 4; ++m) transposed[4 * lane + m] = registers[m];
      });
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned m = 0; m < 4; ++m) {
      const unsigned row = lane / 4, column = lane % 4 * 2;
      const auto at = [m](unsigned r, unsigned c) { return 100 * m + 10 * r + c; };
      EXPECT_EQ(straight[4 * lane + m], at(row, column) | at(row, column + 1) << 16);
      EXPECT_EQ(transposed[4 * lane + m], at(column, row) | at(column + 1, row) << 16);
    }
}

/// a [16, k] and b [k, 8] of values that the type holds, c [16, 8].
struct Product {
  int k;
  std::vector<double> a, b, c;

  template <class Round>
  Product(int k, unsigned seed, Round&& round) : k(k) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    const auto fill = [&](std::vector<double>& values, int count, auto&& as) {
      for (int i = 0; i < count; ++i) values.push_back(static_cast<double>(as(uniform(random))));
    };
    fill(a, 16 * k, round);
    fill(b, 8 * k, round);
    fill(c, 16 * 8, [](float value) { return value; });
  }
  double expected(int row, int column) const {
    double sum = c[static_cast<std::size_t>(8 * row + column)];
    for (int i = 0; i < k; ++i)
      sum += a[static_cast<std::size_t>(k * row + i)] * b[static_cast<std::size_t>(8 * i + column)];
    return sum;
  }
  void expect_right(const std::vector<float>& sums) const {
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) {
        const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        EXPECT_NEAR(static_cast<double>(sums[static_cast<std::size_t>(4 * lane + i)]),
                    expected(row, column), 0x1p-23 * (k + 1) * (k + 1))
            << row << ", " << column;
      }
  }
};

template <class T>
void check_mma_of_16_bits() {
  const Product product(16, 3, [](float value) { return static_cast<float>(T(value)); });
  std::vector<float> sums(32 * 4);
  emulator::run({.threads = 32}, [&] {
    const int lane = lane_index(), g = lane / 4, t = lane % 4;
    const auto pack = [](double low, double high) {
      return static_cast<std::uint32_t>(T(low).bits) | static_cast<std::uint32_t>(T(high).bits)
                                                           << 16;
    };
    const auto a_pair = [&](int row, int k) {
      const auto at = static_cast<std::size_t>(16 * row + k);
      return pack(product.a[at], product.a[at + 1]);
    };
    const auto b_pair = [&](int k, int column) {
      const auto at = static_cast<std::size_t>(8 * k + column);
      return pack(product.b[at], product.b[at + 8]);
    };
    const std::uint32_t a[4] = {a_pair(g, 2 * t), a_pair(g + 8, 2 * t), a_pair(g, 2 * t + 8),
                                a_pair(g + 8, 2 * t + 8)};
    const std::uint32_t b[2] = {b_pair(2 * t, g), b_pair(2 * t + 8, g)};
    float d[4];
    for (int i = 0; i < 4; ++i)
      d[i] = static_cast<float>(
          product.c[static_cast<std::size_t>(8 * (g + i / 2 * 8) + 2 * t + i % 2)]);
    ptx::mma_m16n8k16<T>(d, a, b);
    for (int i = 0; i < 4; ++i) sums[static_cast<std::size_t>(4 * lane + i)] = d[i];
  });
  product.expect_right(sums);
}

TEST_P(Ptx, MmaOfFloat16EqualsALoop) { check_mma_of_16_bits<Float16>(); }
TEST_P(Ptx, MmaOfBFloat16EqualsALoop) { check_mma_of_16_bits<BFloat16>(); }

TEST_P(Ptx, MmaOfTf32EqualsALoop) {
  const Product product(8, 4,
                        [](float value) { return std::bit_cast<float>(ptx::to_tf32(value)); });
  std::vector<float> sums(32 * 4);
  emulator::run({.threads = 32}, [&] {
    const int lane = lane_index(), g = lane / 4, t = lane % 4;
    const auto bits = [](double value) {
      return std::bit_cast<std::uint32_t>(static_cast<float>(value));
    };
    const auto a_at = [&](int row, int k) {
      return bits(product.a[static_cast<std::size_t>(8 * row + k)]);
    };
    const auto b_at = [&](int k, int column) {
      return bits(product.b[static_cast<std::size_t>(8 * k + column)]);
    };
    const std::uint32_t a[4] = {a_at(g, t), a_at(g + 8, t), a_at(g, t + 4), a_at(g + 8, t + 4)};
    const std::uint32_t b[2] = {b_at(t, g), b_at(t + 4, g)};
    float d[4];
    for (int i = 0; i < 4; ++i)
      d[i] = static_cast<float>(
          product.c[static_cast<std::size_t>(8 * (g + i / 2 * 8) + 2 * t + i % 2)]);
    ptx::mma_m16n8k8_tf32(d, a, b);
    for (int i = 0; i < 4; ++i) sums[static_cast<std::size_t>(4 * lane + i)] = d[i];
  });
  product.expect_right(sums);
}

TEST_P(Ptx, Tf32RoundsToTheNearestAwayFromZero) {
  const auto rounded = [](std::uint32_t bits) { return ptx::to_tf32(std::bit_cast<float>(bits)); };
  EXPECT_EQ(rounded(0x3f800fffU), 0x3f800000U);
  EXPECT_EQ(rounded(0x3f801000U), 0x3f802000U);
  EXPECT_EQ(rounded(0xbf801000U), 0xbf802000U);
  EXPECT_EQ(rounded(0x3ffff000U), 0x40000000U);
  EXPECT_EQ(rounded(0x7f800000U), 0x7f800000U);
  EXPECT_EQ(rounded(0x7f7fffffU), 0x7f800000U);
  EXPECT_GT(rounded(0x7fc00001U), 0x7f800000U);
}

struct Line {
  alignas(16) unsigned char bytes[64];
};

TEST_P(Ptx, CpAsyncArrivesAtTheWaitWithZerosBehindItsSource) {
  alignas(16) unsigned char from[64];
  for (int i = 0; i < 64; ++i) from[i] = static_cast<unsigned char>(i + 1);
  std::vector<int> before(64), after(64), at_first(64);
  run({.threads = 1, .shared_bytes = sizeof(Line)},
      [from = &from[0], before = before.data(), at_first = at_first.data(), after = after.data()] {
        auto& line = shared_storage<Line>();
        for (unsigned char& byte : line.bytes) byte = 200;
        ptx::cp_async<16>(line.bytes, from, 16);
        ptx::cp_async<8>(line.bytes + 16, from + 16, 5);
        ptx::cp_async_commit_group();
        ptx::cp_async<4>(line.bytes + 32, from + 32, 4);
        ptx::cp_async<16>(line.bytes + 48, from, 0);
        ptx::cp_async_commit_group();
        for (int i = 0; i < 64; ++i) before[i] = line.bytes[i];
        ptx::cp_async_wait_group<1>();
        for (int i = 0; i < 64; ++i) at_first[i] = line.bytes[i];
        ptx::cp_async_wait_group<0>();
        for (int i = 0; i < 64; ++i) after[i] = line.bytes[i];
      });
  for (std::size_t i = 0; i < 64; ++i) {
    const int value = static_cast<int>(i) + 1;
    const int first = i < 21 ? value : i < 24 ? 0 : 200;
    EXPECT_EQ(before[i], 200) << i;
    EXPECT_EQ(at_first[i], first) << i;
    EXPECT_EQ(after[i], i >= 48 ? 0 : i >= 32 && i < 36 ? value : first) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, Ptx,
                         ::testing::Values(emulator::Engine::fibers, emulator::Engine::threads),
                         [](const auto& info) {
                           return info.param == emulator::Engine::fibers ? "fibers" : "threads";
                         });

}  // namespace
}  // namespace gavotte::internal::cuda
