// Each kernel of bytes against integer loops: equal sums, modulo 2^32, with and without a row that is
// added to each. Kernels that this CPU does not have are left out.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "cpu/simd/native_kernels.h"
#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Case {
  std::int64_t in, out, count;
  bool first, added, dense;  // dense: rows end where the next begins
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t out : {1, 3, 7, 8, 9, 16, 24, 33, 64, 100})
    for (const std::int64_t in : {0, 1, 3, 4, 8, 16, 18, 64})
      for (const std::int64_t count : {1, 5, 12, 23})
        for (int form = 0; form < 8; ++form)
          all.push_back({in, out, count, (form & 1) != 0, (form & 2) != 0, (form & 4) != 0});
  return all;
}

template <class T>
std::vector<T> random_values(std::mt19937& random, std::int64_t count, int lowest, int highest) {
  std::uniform_int_distribution<int> value(lowest, highest);
  std::vector<T> values(at(count));
  for (T& each : values) each = static_cast<T>(value(random));
  return values;
}

// The last row of x ends with its memory: AddressSanitizer sees a read behind it.
void expect_definition(const NativeKernels& kernels, const Case& test) {
  SCOPED_TRACE(testing::Message() << test.in << " -> " << test.out << ", " << test.count << " rows"
                                  << (test.first ? ", first" : "") << (test.added ? ", added" : "")
                                  << (test.dense ? ", dense" : ""));
  constexpr std::int64_t kRows = 25, kBefore = 2;
  std::mt19937 random(7);
  const std::int64_t x_stride = test.in + (test.dense ? 0 : 3);
  const std::int64_t y_stride = test.out + (test.dense ? 0 : 5);
  const auto x = random_values<std::uint8_t>(random, kRows * x_stride, 0, 255);
  const auto weights = random_values<std::int8_t>(random, test.in * test.out, -128, 127);
  const auto added = random_values<std::int32_t>(random, test.out, -1000000, 1000000);
  // Some sums pass 2^31.
  auto y = random_values<std::uint32_t>(random, kRows * y_stride + kBefore, 0, 2147483647);
  std::vector<std::int32_t> x_rows(kRows), y_rows(kRows);
  std::iota(x_rows.begin(), x_rows.end(), 0);
  std::iota(y_rows.begin(), y_rows.end(), 0);
  std::shuffle(x_rows.begin(), x_rows.end(), random);
  std::shuffle(y_rows.begin(), y_rows.end(), random);

  std::vector<std::uint32_t> expected = y;
  for (std::int64_t j = 0; j < test.count; ++j) {
    for (std::int64_t o = 0; o < test.out; ++o) {
      std::uint32_t& sum = expected[at(y_rows[at(j)] * y_stride + kBefore + o)];
      if (test.first) sum = 0;
      if (test.added) sum += static_cast<std::uint32_t>(added[at(o)]);
      for (std::int64_t i = 0; i < test.in; ++i)
        sum += static_cast<std::uint32_t>(int{x[at(x_rows[at(j)] * x_stride + i)]} *
                                          int{weights[at(i * test.out + o)]});
    }
  }

  const PanelLayout layout = kernels.panel_layout();
  std::vector<std::uint8_t> memory(at(panel_elements(layout, test.in, test.out)) + 64);
  void* panels = memory.data();
  std::size_t space = memory.size();
  std::align(64, 1, panels, space);
  pack_panels(layout, {DType::uint8, weights.data(), test.in, test.out, test.out, 1}, panels);
  kernels.indirect_gemm({DType::uint8, x.data(), x_stride, panels, test.in, test.out,
                         y.data() + kBefore, y_stride, x_rows.data(), y_rows.data(), test.count,
                         test.first, false, test.added ? added.data() : nullptr});
  ASSERT_EQ(y, expected);
}

void expect_definition(const NativeKernels& kernels) {
  for (const Case& test : cases()) {
    expect_definition(kernels, test);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(ByteKernels, EqualTheDefinitionOnEveryTarget) {
  test::for_each_target([] { expect_definition(portable_byte_kernels()); });
}

TEST(ByteKernels, EqualTheDefinitionWithAvx512Vnni) {
  if (byte_kernels() == nullptr) GTEST_SKIP() << "this CPU has no AVX512_VNNI";
  expect_definition(*byte_kernels());
}

TEST(ByteKernels, EqualTheDefinitionWithAvxVnni) {
  if (byte_kernels_256() == nullptr) GTEST_SKIP() << "this CPU has no AVX_VNNI";
  expect_definition(*byte_kernels_256());
}

}  // namespace
}  // namespace gavotte::internal::cpu
