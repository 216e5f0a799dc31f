// The kernel of the weights' gradient on every vector target that this CPU runs, against a plain loop in double.
#include "cpu/simd/indirect_wgrad.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "cpu/simd/native_kernels.h"
#include "cpu/simd/packed_wgrad.h"
#include "half.h"
#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

struct Case {
  std::int64_t in, out, count;
  bool first;
};

// Blocks of every height and of one to four vectors and parts of one, several of them, and pieces of pairs, short and long
// ones, on either side of their ends.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t out : {1, 3, 4, 8, 15, 16, 17, 32, 40, 64, 65, 100})
    for (const std::int64_t in : {1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 18, 33, 40})
      for (const std::int64_t count : {0, 1, 2, 5, 63, 66, 130})
        for (const bool first : {false, true}) all.push_back({in, out, count, first});
  for (const bool first : {false, true})
    all.insert(all.end(), {{70, 70, 400, first}, {20, 12, 700, first}, {33, 520, 300, first}});
  return all;
}

template <class T>
std::vector<T> random_values(std::mt19937& random, std::int64_t count) {
  std::uniform_real_distribution<T> value(-1, 1);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& each : values) each = value(random);
  return values;
}

std::vector<std::int32_t> some_rows(std::mt19937& random, std::int64_t rows, std::int64_t count) {
  std::uniform_int_distribution<std::int32_t> row(0, static_cast<std::int32_t>(rows) - 1);
  std::vector<std::int32_t> some(static_cast<std::size_t>(count));
  for (std::int32_t& each : some) each = row(random);
  if (!some.empty()) some.back() = static_cast<std::int32_t>(rows) - 1;
  return some;
}

using Kernel = std::function<void(const IndirectWgrad&)>;

// Rows are longer than what is read of them, but for the last, which ends where its memory does.
template <class T>
void expect_definition(const Case& test, DType dtype, const Kernel& kernel) {
  constexpr std::int64_t kRows = 50, kBefore = 2;
  SCOPED_TRACE(testing::Message() << test.in << " -> " << test.out << ", " << test.count << " pairs"
                                  << (test.first ? ", first" : ""));
  std::mt19937 random(1);
  const std::int64_t x_stride = test.in + 3, grad_stride = test.out + 5, stride = test.out + 2;
  const auto x = random_values<T>(random, (kRows - 1) * x_stride + test.in);
  const auto grad = random_values<T>(random, (kRows - 1) * grad_stride + test.out);
  const auto before = random_values<T>(random, kBefore + (test.in - 1) * stride + test.out);
  const auto x_rows = some_rows(random, kRows, test.count);
  const auto grad_rows = some_rows(random, kRows, test.count);
  std::vector<double> expected(before.begin(), before.end());
  std::vector<bool> written(before.size(), false);
  for (std::int64_t i = 0; i < test.in; ++i) {
    for (std::int64_t o = 0; o < test.out; ++o) {
      const auto at = static_cast<std::size_t>(kBefore + i * stride + o);
      written[at] = true;
      if (test.first) expected[at] = 0;
      for (std::size_t j = 0; j < x_rows.size(); ++j)
        expected[at] += static_cast<double>(x[static_cast<std::size_t>(x_rows[j] * x_stride + i)]) *
                        grad[static_cast<std::size_t>(grad_rows[j] * grad_stride + o)];
    }
  }

  const PairRows pairs{x_rows.data(), grad_rows.data(), test.count};
  std::vector<T> sum = before;
  kernel({dtype, x.data(), grad.data(), x_stride, grad_stride, test.in, test.out,
          sum.data() + kBefore, stride, pairs, pairs, test.first});
  const double tolerance = static_cast<double>(test.count + 1) *
                           static_cast<double>(test.count + 1) * std::numeric_limits<T>::epsilon();
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (written[i]) {
      ASSERT_NEAR(static_cast<double>(sum[i]), expected[i], tolerance) << "element " << i;
    } else {
      ASSERT_EQ(sum[i], before[i]) << "element " << i << " is not of the result";
    }
  }
}

Kernel indirect(bool shuffle_ports) {
  return [shuffle_ports](IndirectWgrad args) {
    args.shuffle_ports = shuffle_ports;
    indirect_wgrad(args);
  };
}

TEST(IndirectWgrad, EqualsTheDefinitionOnEveryTarget) {
  test::for_each_target([] {
    for (const bool shuffle_ports : {false, true}) {
      SCOPED_TRACE(shuffle_ports ? "shuffle ports" : "no shuffle ports");
      for (const Case& test : cases()) {
        expect_definition<float>(test, DType::float32, indirect(shuffle_ports));
        expect_definition<double>(test, DType::float64, indirect(shuffle_ports));
        if (HasFatalFailure()) return;
      }
    }
  });
}

// In memory of its size, behind which nothing may be written.
void run_packed(const PackedWgrad& packed, const IndirectWgrad& args) {
  constexpr auto kUntouched = std::byte{0xab};
  constexpr std::int64_t kLine = 64;
  const std::int64_t bytes = packed.bytes(args.in, args.out);
  std::vector<std::byte> memory(static_cast<std::size_t>(bytes + 2 * kLine), kUntouched);
  void* begin = memory.data();
  std::size_t space = memory.size();
  ASSERT_NE(std::align(kLine, static_cast<std::size_t>(bytes), begin, space), nullptr);
  packed.add(args, begin);
  EXPECT_EQ(static_cast<std::byte*>(begin)[bytes], kUntouched);
}

// Panels of two to four vectors and blocks of every height.
TEST(PackedWgrad, EqualsTheDefinitionOnEveryTarget) {
  test::for_each_target([] {
    const PackedWgrad* const packed = packed_wgrad();
    if (packed == nullptr) return;
    const Kernel kernel = [packed](const IndirectWgrad& args) { run_packed(*packed, args); };
    for (const std::int64_t out : {33, 48, 64, 65, 80, 100, 130})
      for (const std::int64_t in : {8, 9, 11, 12, 13, 15, 16, 17, 30, 40, 130})
        for (const std::int64_t count : {0, 1, 2, 5, 30, 96, 97, 250})
          for (const bool first : {false, true}) {
            expect_definition<float>({in, out, count, first}, DType::float32, kernel);
            if (HasFailure()) return;
          }
  });
}

TEST(PackedWgrad, IsForWideLayersOfItsTargetAlone) {
  test::for_each_target([] {
    EXPECT_FALSE(packs_wgrad(512, 512) && packed_wgrad() == nullptr);
    EXPECT_FALSE(packs_wgrad(16, 512));
  });
}

// Rows of bfloat16 and what of them pair_rows puts where, then the sums over both pairs of each.
void expect_paired_definition(const PairedWgrad& paired, const Case& test) {
  constexpr std::int64_t kRows = 50;
  SCOPED_TRACE(testing::Message() << test.in << " -> " << test.out << ", " << test.count << " pairs"
                                  << (test.first ? ", first" : ""));
  std::mt19937 random(1);
  const auto values = [&](std::int64_t channels) {
    std::vector<BFloat16> stored;
    for (const float value : random_values<float>(random, kRows * channels))
      stored.emplace_back(value);
    return stored;
  };
  const std::vector<BFloat16> x = values(test.in), grad = values(test.out);
  const auto x_rows = some_rows(random, kRows, test.count + 3);
  const auto grad_rows = some_rows(random, kRows, test.count + 3);
  const std::int64_t pairs = (test.count + 1) / 2;
  const auto pair_up = [&](const std::vector<BFloat16>& from, const std::vector<std::int32_t>& rows,
                           std::int64_t channels) {
    constexpr std::uint32_t kUntouched = 0xabababab;
    std::vector<std::uint32_t> to(static_cast<std::size_t>(pairs * channels + 1), kUntouched);
    paired.pair_rows({from.data(), rows.data(), test.count, test.count + 3, channels, to.data()});
    for (std::int64_t i = 0; i < pairs; ++i) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto bits = [&](std::int64_t j) {
          if (j >= test.count) return std::uint32_t{0};
          const auto row = rows[static_cast<std::size_t>(j)];
          return std::uint32_t{
              std::bit_cast<std::uint16_t>(from[static_cast<std::size_t>(row * channels + c)])};
        };
        EXPECT_EQ(to[static_cast<std::size_t>(i * channels + c)], bits(2 * i) | bits(2 * i + 1)
                                                                                    << 16)
            << "row " << i << ", channel " << c;
      }
    }
    EXPECT_EQ(to.back(), kUntouched);
    return to;
  };
  const auto x_paired = pair_up(x, x_rows, test.in),
             grad_paired = pair_up(grad, grad_rows, test.out);
  std::vector<std::int32_t> own(static_cast<std::size_t>(pairs));
  std::iota(own.begin(), own.end(), 0);
  auto sum = random_values<float>(random, test.in * test.out);
  std::vector<double> expected(sum.begin(), sum.end());
  for (std::int64_t i = 0; i < test.in; ++i) {
    for (std::int64_t o = 0; o < test.out; ++o) {
      double& element = expected[static_cast<std::size_t>(i * test.out + o)];
      if (test.first) element = 0;
      for (std::size_t j = 0; j < static_cast<std::size_t>(test.count); ++j)
        element += static_cast<double>(
                       static_cast<float>(x[static_cast<std::size_t>(x_rows[j] * test.in + i)])) *
                   static_cast<double>(static_cast<float>(
                       grad[static_cast<std::size_t>(grad_rows[j] * test.out + o)]));
    }
  }
  paired.indirect_wgrad({DType::float32,
                         x_paired.data(),
                         grad_paired.data(),
                         test.in,
                         test.out,
                         test.in,
                         test.out,
                         sum.data(),
                         test.out,
                         {own.data(), own.data(), pairs},
                         {},
                         test.first});
  const double tolerance = static_cast<double>(test.count + 1) *
                           static_cast<double>(test.count + 1) *
                           std::numeric_limits<float>::epsilon();
  for (std::size_t i = 0; i < sum.size(); ++i)
    ASSERT_NEAR(static_cast<double>(sum[i]), expected[i], tolerance) << "element " << i;
}

TEST(PairedWgrad, EqualsTheDefinition) {
  const PairedWgrad* const paired = paired_wgrad();
  if (paired == nullptr) GTEST_SKIP() << "this CPU does not add two products of bfloat16 at once";
  for (const Case& test : cases()) {
    expect_paired_definition(*paired, test);
    if (HasFailure()) break;
  }
}

TEST(PairedWgrad, IsOfItsTargetAlone) {
  test::for_each_target([] {
    const bool native = (hwy::SupportedTargets() & HWY_AVX3) != 0 && bfloat16_wgrad() != nullptr;
    EXPECT_EQ(paired_wgrad() != nullptr, native);
  });
}

TEST(IndirectWgrad, ReplacesWhateverWasThere) {
  test::for_each_target([&] {
    for (const std::int64_t out : {16, 32}) {
      const std::vector<float> ones(static_cast<std::size_t>(16 + out), 1.0F);
      std::vector<float> sum(static_cast<std::size_t>(16 * out),
                             std::numeric_limits<float>::quiet_NaN());
      const std::int32_t row = 0;
      indirect_wgrad({DType::float32,
                      ones.data(),
                      ones.data(),
                      16,
                      out,
                      16,
                      out,
                      sum.data(),
                      out,
                      {&row, &row, 1},
                      {},
                      true});
      for (const float each : sum) ASSERT_EQ(each, 1.0F);
    }
  });
}

}  // namespace
}  // namespace gavotte::internal::cpu
