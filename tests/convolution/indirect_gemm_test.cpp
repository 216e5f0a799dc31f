// The kernel of tile_indirect on every vector target that this CPU runs, against a plain loop in double.
#include "cpu/simd/indirect_gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

struct Case {
  std::int64_t in, out, count;
  bool first;
  bool dense = false;  // rows end where the next begins
  bool scattered = false;
};

// Panels of one to four vectors and parts of one, on either side of each number of rows that a kernel has.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t out : {1, 3, 4, 8, 15, 16, 17, 32, 40, 64, 65, 100})
    for (const std::int64_t in : {0, 1, 4, 7, 33})
      for (const std::int64_t count : {0, 1, 5, 6, 12, 13, 23})
        for (const bool first : {false, true}) all.push_back({in, out, count, first});
  // A part of a vector of outputs and even numbers of inputs.
  for (const std::int64_t out : {4, 8})
    for (const std::int64_t in : {2, 4, 8, 10, 12, 16, 32, 64})
      for (const std::int64_t count : {1, 2, 3, 4, 30})
        for (const bool first : {false, true})
          for (const bool dense : {false, true})
            all.push_back({in, out, count, first, dense, dense});
  // One vector of outputs and few inputs.
  for (const std::int64_t out : {8, 16})
    for (const std::int64_t in : {4, 8, 16})
      for (const std::int64_t count : {3, 8, 29})
        for (const bool first : {false, true})
          for (const bool scattered : {false, true})
            all.push_back({in, out, count, first, true, scattered});
  // One or two vectors of outputs, or a part of the second, and odd numbers of inputs, which are taken by two; of some more
  // than are.
  for (const std::int64_t out : {13, 16, 29, 32})
    for (const std::int64_t in : {8, 9, 15, 24, 63, 64, 65})
      for (const std::int64_t count : {1, 4, 7, 8, 30})
        for (const bool first : {false, true})
          for (const bool dense : {false, true})
            all.push_back({in, out, count, first, dense, dense});
  // Whole vectors of outputs and whole lines of inputs, which are fetched between products.
  for (const std::int64_t out : {16, 32, 48, 64})
    for (const std::int64_t in : {16, 32, 64})
      for (const std::int64_t count : {5, 8, 12, 16, 19, 29})
        for (const bool first : {false, true})
          for (const bool dense : {false, true})
            all.push_back({in, out, count, first, dense, dense});
  return all;
}

template <class T>
std::vector<T> random_values(std::mt19937& random, std::int64_t count) {
  std::uniform_real_distribution<T> value(-1, 1);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& each : values) each = value(random);
  return values;
}

// `count` of `rows` rows, each once, in no order.
std::vector<std::int32_t> some_rows(std::mt19937& random, std::int64_t rows, std::int64_t count) {
  std::vector<std::int32_t> all(static_cast<std::size_t>(rows));
  std::iota(all.begin(), all.end(), 0);
  std::shuffle(all.begin(), all.end(), random);
  all.resize(static_cast<std::size_t>(count));
  return all;
}

// Rows are longer than what is read and written of them, unless dense; `transposed`: weights as dgrad
// reads them. The last row of x ends with its memory: AddressSanitizer sees a read behind it.
template <class T>
void expect_definition(const Case& test, bool transposed, bool shuffle_ports, DType dtype) {
  constexpr std::int64_t kRows = 30, kBefore = 2;
  SCOPED_TRACE(testing::Message() << test.in << " -> " << test.out << ", " << test.count << " rows"
                                  << (test.first ? ", first" : "") << (test.dense ? ", dense" : "")
                                  << (transposed ? ", transposed" : "")
                                  << (shuffle_ports ? ", shuffle ports" : ""));
  std::mt19937 random(1);
  const std::int64_t x_stride = test.in + (test.dense ? 0 : 3);
  const std::int64_t y_stride = test.out + (test.dense ? 0 : 5);
  const auto x = random_values<T>(random, kRows * x_stride);
  const auto weights = random_values<T>(random, test.in * test.out);
  auto y = random_values<T>(random, kRows * y_stride + kBefore);
  const auto x_rows = some_rows(random, kRows, test.count);
  const auto y_rows = some_rows(random, kRows, test.count);
  const std::vector<T> before = y;
  std::vector<double> expected(y.begin(), y.end());
  for (std::size_t j = 0; j < y_rows.size(); ++j) {
    for (std::int64_t o = 0; o < test.out; ++o) {
      double& sum = expected[static_cast<std::size_t>(y_rows[j] * y_stride + kBefore + o)];
      if (test.first) sum = 0;
      for (std::int64_t i = 0; i < test.in; ++i)
        sum += static_cast<double>(x[static_cast<std::size_t>(x_rows[j] * x_stride + i)]) *
               weights[static_cast<std::size_t>(transposed ? o * test.in + i : i * test.out + o)];
    }
  }

  // Panels are 64-byte aligned.
  std::vector<T> memory(static_cast<std::size_t>(panel_elements(
                            panel_layout(dtype, test.in, test.out), test.in, test.out)) +
                        64);
  void* panels = memory.data();
  std::size_t space = memory.size() * sizeof(T);
  std::align(64, 1, panels, space);
  pack_panels(panel_layout(dtype, test.in, test.out),
              {dtype, weights.data(), test.in, test.out, transposed ? 1 : test.out,
               transposed ? test.in : 1},
              panels);
  indirect_gemm({.dtype = dtype,
                 .x = x.data(),
                 .x_stride = x_stride,
                 .panels = panels,
                 .in = test.in,
                 .out = test.out,
                 .y = y.data() + kBefore,
                 .y_stride = y_stride,
                 .x_rows = x_rows.data(),
                 .y_rows = y_rows.data(),
                 .count = test.count,
                 .first = test.first,
                 .scattered = test.scattered,
                 .shuffle_ports = shuffle_ports,
                 .next = test.scattered ? panels : nullptr});
  const double tolerance = static_cast<double>(test.in + 1) * static_cast<double>(test.in + 1) *
                           std::numeric_limits<T>::epsilon();
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (expected[i] == static_cast<double>(before[i])) {
      ASSERT_EQ(y[i], before[i]) << "element " << i << " is not of the result";
    } else {
      ASSERT_NEAR(static_cast<double>(y[i]), expected[i], tolerance) << "element " << i;
    }
  }
}

TEST(IndirectGemm, EqualsTheDefinitionOnEveryTarget) {
  test::for_each_target([&] {
    for (const Case& test : cases()) {
      for (const bool transposed : {false, true}) {
        for (const bool shuffle_ports : {false, true})
          expect_definition<float>(test, transposed, shuffle_ports, DType::float32);
        expect_definition<double>(test, transposed, has_shuffle_ports(), DType::float64);
        if (HasFatalFailure()) break;
      }
    }
  });
}

// Tiles, and with them calls, depend on the number of threads.
TEST(IndirectGemm, BitsDoNotDependOnHowPairsAreCut) {
  constexpr std::int64_t kRows = 30;
  test::for_each_target([&] {
    std::mt19937 random(2);
    for (const std::int64_t out : {4, 8, 16, 29, 40}) {
      for (const std::int64_t in : {4, 8, 16, 22, 33, 64}) {
        const auto x = random_values<float>(random, kRows * in);
        const auto weights = random_values<float>(random, in * out);
        const auto before = random_values<float>(random, kRows * out);
        const auto x_rows = some_rows(random, kRows, kRows);
        const auto y_rows = some_rows(random, kRows, kRows);
        const PanelLayout layout = panel_layout(DType::float32, in, out);
        std::vector<float> memory(static_cast<std::size_t>(panel_elements(layout, in, out)) + 16);
        void* panels = memory.data();
        std::size_t space = memory.size() * sizeof(float);
        std::align(64, 1, panels, space);
        pack_panels(layout, {DType::float32, weights.data(), in, out, out, 1}, panels);
        for (const bool shuffle_ports : {false, true}) {
          const auto run = [&](std::int64_t pairs_of_a_call) {
            std::vector<float> y = before;
            for (std::int64_t j = 0; j < kRows; j += pairs_of_a_call)
              indirect_gemm({.dtype = DType::float32,
                             .x = x.data(),
                             .x_stride = in,
                             .panels = panels,
                             .in = in,
                             .out = out,
                             .y = y.data(),
                             .y_stride = out,
                             .x_rows = x_rows.data() + j,
                             .y_rows = y_rows.data() + j,
                             .count = std::min(pairs_of_a_call, kRows - j),
                             .first = false,
                             .shuffle_ports = shuffle_ports});
            return y;
          };
          const std::vector<float> whole = run(kRows);
          for (const std::int64_t pairs : {1, 3, 7})
            EXPECT_EQ(run(pairs), whole) << in << " " << out;
        }
      }
    }
  });
}

}  // namespace
}  // namespace gavotte::internal::cpu
