// Coordinate sets of the CUDA backend against those of the CPU: the same rows, orders, boxes
// and errors, for random and adversarial sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "coordinate_data.h"
#include "gavotte/error.h"
#include "gpu.h"

namespace gavotte::testing_gpu {
namespace {

using namespace internal;

constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
const Execution kCpu{.threads = 1};
constexpr Execution kGpu = kOnCuda;

using Rows = std::vector<std::vector<std::int32_t>>;
using Set = std::shared_ptr<const CoordinateData>;

class CoordinateSets : public OnGpu {
 protected:
  Backend& cpu_ = backend(Device::cpu());
};

Tensor lattice_of(const Execution& execution, const Rows& rows, int dims) {
  Tensor lattice(DType::int32, {static_cast<std::int64_t>(rows.size()), 1 + dims});
  std::int32_t* to = lattice.span<std::int32_t>().data();
  for (const auto& row : rows) to = std::copy(row.begin(), row.end(), to);
  return execution.device == Device::cpu() ? lattice : lattice.to(execution.device);
}

Rows random_rows(std::mt19937& random, int count, int dims, std::int64_t lower, std::int64_t upper,
                 bool distinct) {
  Rows rows;
  for (int i = 0; i < count; ++i) {
    std::vector<std::int32_t> row{static_cast<std::int32_t>(random() % 3)};
    for (int axis = 0; axis < dims; ++axis)
      row.push_back(static_cast<std::int32_t>(
          std::uniform_int_distribution<std::int64_t>(lower, upper)(random)));
    rows.push_back(row);
  }
  if (distinct) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    std::shuffle(rows.begin(), rows.end(), random);
  }
  return rows;
}

std::vector<std::int32_t> values_of(const Tensor& tensor) {
  if (!tensor) return {};
  const Tensor host = tensor.to(Device::cpu());
  const auto values = host.span<std::int32_t>();
  return {values.begin(), values.end()};
}

void expect_equal(const Set& given, const Set& expected, const std::string& what) {
  SCOPED_TRACE(what);
  EXPECT_EQ(given->dims, expected->dims);
  EXPECT_EQ(given->stride, expected->stride);
  ASSERT_EQ(given->rows, expected->rows);
  EXPECT_EQ(given->lattice.shape(), expected->lattice.shape());
  EXPECT_EQ(values_of(given->lattice), values_of(expected->lattice));
  EXPECT_EQ(static_cast<bool>(given->order), static_cast<bool>(expected->order));
  EXPECT_EQ(values_of(given->order), values_of(expected->order));
  EXPECT_EQ(given->box.lower, expected->box.lower);
  EXPECT_EQ(given->box.upper, expected->box.upper);
}

template <class F>
std::string error_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    return message.substr(0, message.rfind(" ("));  // without file and line
  }
  return "no error";
}

struct Case {
  std::string name;
  int dims;
  Rows rows;  ///< Distinct.
};

/// Sets of 1 to 4 axes whose keys have 32, 64, 128 and 192 bits.
std::vector<Case> cases() {
  std::mt19937 random(1);
  std::vector<Case> all;
  for (int dims = 1; dims <= 4; ++dims) {
    const std::string axes = std::to_string(dims) + " axes ";
    const auto add = [&](const std::string& name, Rows rows) {
      all.push_back({axes + name, dims, std::move(rows)});
    };
    const auto row = [&](std::int32_t value) {
      std::vector<std::int32_t> result(static_cast<std::size_t>(1 + dims), value);
      result[0] = 0;
      return result;
    };
    add("empty", {});
    add("one row", {row(-5)});
    add("corners", {row(kMost), row(kLeast), row(0), row(-1)});
    Rows ascending = random_rows(random, 300, dims, -9, 9, true);
    std::sort(ascending.begin(), ascending.end());
    add("ascending", ascending);
    std::reverse(ascending.begin(), ascending.end());
    add("descending", ascending);
    add("dense", random_rows(random, 700, dims, -4, 5, true));
    add("negative", random_rows(random, 300, dims, -1000, -900, true));
    add("wide", random_rows(random, 600, dims, -2'000'000, 2'000'000, true));
    add("all of int32", random_rows(random, 600, dims, kLeast, kMost, true));
  }
  return all;
}

Set made(Backend& device, const Execution& execution, const Case& from, PerAxis stride = 1) {
  return device.make_set(execution, lattice_of(execution, from.rows, from.dims), stride);
}

TEST_F(CoordinateSets, AreSortedAndMeasuredAsOnTheCpu) {
  for (const Case& c : cases()) {
    Tensor lattice = lattice_of(kGpu, c.rows, c.dims);
    const std::int64_t before = waits();
    const Set given = gpu().make_set(kGpu, std::move(lattice), 2);
    EXPECT_EQ(waits() - before, c.rows.empty() ? 0 : given->order ? 2 : 1) << c.name;
    expect_equal(given, made(cpu_, kCpu, c, 2), c.name);
  }
}

TEST_F(CoordinateSets, NameTheFirstPairOfDuplicates) {
  std::mt19937 random(2);
  for (const std::int64_t extent : {3LL, 100'000LL, 2'000'000'000LL})
    for (int dims = 1; dims <= 4; ++dims) {
      Rows rows = random_rows(random, 400, dims, -extent, extent, true);
      for (int copies = 0; copies < 30; ++copies)
        rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(random() % rows.size()),
                    rows[random() % rows.size()]);
      const Case repeated{"", dims, rows};
      const std::string given = error_of([&] { made(gpu(), kGpu, repeated); });
      EXPECT_EQ(given, error_of([&] { made(cpu_, kCpu, repeated); }));
      EXPECT_NE(given.find("30 duplicates"), std::string::npos) << given;
    }
  const Case twice{"", 3, {{0, 1, 2, 3}, {0, 1, 2, 3}}};
  EXPECT_EQ(error_of([&] { made(gpu(), kGpu, twice); }),
            error_of([&] { made(cpu_, kCpu, twice); }));
}

TEST_F(CoordinateSets, BothStrideStylesAsOnTheCpu) {
  const auto set_of = [](const Execution& execution, const Case& from, PerAxis stride) {
    const Tensor values = lattice_of(execution, from.rows, from.dims);
    return Coordinates(values.view(), stride, StrideStyle::multiples, execution);
  };
  for (Case c : cases()) {
    std::int64_t by = 3;
    for (auto& row : c.rows)
      for (std::size_t axis = 1; axis < row.size(); ++axis)
        row[axis] = static_cast<std::int32_t>(row[axis] / by * by);
    std::sort(c.rows.begin(), c.rows.end());
    c.rows.erase(std::unique(c.rows.begin(), c.rows.end()), c.rows.end());
    const Coordinates given = set_of(kGpu, c, 3), expected = set_of(kCpu, c, 3);
    expect_equal(given.data(), expected.data(), c.name);
    EXPECT_EQ(values_of(given.values(StrideStyle::multiples)),
              values_of(expected.values(StrideStyle::multiples)));
    EXPECT_EQ(values_of(given.values(StrideStyle::divided)),
              values_of(expected.values(StrideStyle::divided)));
    if (c.rows.size() < 3) continue;
    c.rows[1].back() -= c.rows[1].back() > 0 ? 1 : -1;
    c.rows[2].back() -= c.rows[2].back() > 0 ? 1 : -1;
    const std::string error = error_of([&] { set_of(kGpu, c, 3); });
    EXPECT_EQ(error, error_of([&] { set_of(kCpu, c, 3); }));
    EXPECT_NE(error.find("row 1 has"), std::string::npos) << error;
  }
  const Rows far = {{0, 5, 1, 1}, {0, kMost, 1, kMost}};
  const auto values = [&](const Execution& execution) {
    return Coordinates(lattice_of(execution, far, 3).view(), 2, StrideStyle::divided, execution)
        .values(StrideStyle::multiples);
  };
  const std::string error = error_of([&] { values(kGpu); });
  EXPECT_EQ(error, error_of([&] { values(kCpu); }));
  EXPECT_NE(error.find("row 1 gives 4294967294"), std::string::npos) << error;
}

TEST_F(CoordinateSets, DownsampleAsOnTheCpu) {
  for (const Case& c : cases())
    for (const AxisOffset& scale : {AxisOffset{2, 2, 2, 2},
                                    {3, 1, 5, 2},
                                    {1, 1, 1, 1},
                                    {1000, 7, 1'000'000, 2'147'483'647}}) {
      const Set given_in = made(gpu(), kGpu, c), expected_in = made(cpu_, kCpu, c);
      const std::int64_t before = waits();
      const Set given = gpu().downsample(kGpu, *given_in, scale, 6, Wait::now);
      EXPECT_EQ(waits() - before, c.rows.empty() ? 0 : 1);
      expect_equal(given, cpu_.downsample(kCpu, *expected_in, scale, 6, Wait::now),
                   c.name + " by " + std::to_string(scale[0]));
    }
}

Geometry window(int dims, int size, int dilation, int shift, std::int64_t scale) {
  Geometry geometry;
  geometry.dims = dims;
  geometry.scale = {scale, scale, scale, scale};
  AxisOffset index = {};
  for (;;) {
    AxisOffset offset = {};
    for (std::size_t axis = 0; axis < static_cast<std::size_t>(dims); ++axis)
      offset[axis] = index[axis] * dilation - shift;
    geometry.offsets.push_back(offset);
    std::size_t axis = 0;
    while (axis < static_cast<std::size_t>(dims) && ++index[axis] == size) index[axis++] = 0;
    if (axis == static_cast<std::size_t>(dims)) return geometry;
  }
}

TEST_F(CoordinateSets, ExpandAsOnTheCpu) {
  struct Window {
    int size, dilation, shift;
    std::int64_t scale;
  };
  Bounds narrow, nothing;
  narrow.lower = {-3, -2, 0, -3};
  narrow.upper = {40, 2, 4, 3};
  nothing.lower = {5, 5, 5, 5};
  nothing.upper = {4, 4, 4, 4};
  for (Case c : cases()) {
    c.rows.resize(std::min<std::size_t>(c.rows.size(), 80));  // up to 81 candidates each
    for (const Window& w :
         {Window{3, 1, 1, 2}, {2, 1, 0, 2}, {1, 1, 0, 1}, {3, 2, 2, 4}, {2, 3, 1, 3}, {3, 1, 0, 5}})
      for (const bool to_coarse : {true, false})
        for (const auto& bounds :
             {std::optional<Bounds>{}, std::optional<Bounds>{narrow}, {nothing}}) {
          const Geometry geometry = window(c.dims, w.size, w.dilation, w.shift, w.scale);
          const Set given_in = made(gpu(), kGpu, c), expected_in = made(cpu_, kCpu, c);
          const std::string what = c.name + " window " + std::to_string(w.size) + " scale " +
                                   std::to_string(w.scale) + (to_coarse ? " coarse" : " fine") +
                                   (bounds ? " bounds to " + std::to_string(bounds->upper[0]) : "");
          Set given, expected;
          const std::int64_t before = waits();
          const std::string given_error = error_of([&] {
            given = gpu().expand(kGpu, *given_in, geometry, to_coarse, bounds, 1, Wait::now);
          });
          const std::int64_t waited = waits() - before;
          const std::string expected_error = error_of([&] {
            expected = cpu_.expand(kCpu, *expected_in, geometry, to_coarse, bounds, 1, Wait::now);
          });
          ASSERT_EQ(given_error, expected_error) << what;
          if (!expected) continue;
          EXPECT_LE(waited, 1);
          expect_equal(given, expected, what);
        }
  }
}

TEST_F(CoordinateSets, ExpandLeavesOutWhatLiesBeyondTheBounds) {
  const Case c{"", 1, {{0, -20}, {0, -9}, {0, -3}, {0, 0}, {0, 2}, {0, 8}, {0, 21}}};
  Bounds bounds;
  bounds.lower = {-4};
  bounds.upper = {4};
  for (const bool to_coarse : {true, false}) {
    const Geometry geometry = window(1, 3, 1, 1, to_coarse ? 2 : 1);
    expect_equal(
        gpu().expand(kGpu, *made(gpu(), kGpu, c), geometry, to_coarse, bounds, 1, Wait::now),
        cpu_.expand(kCpu, *made(cpu_, kCpu, c), geometry, to_coarse, bounds, 1, Wait::now),
        to_coarse ? "coarse" : "fine");
  }
}

TEST_F(CoordinateSets, UniteAsOnTheCpu) {
  std::mt19937 random(3);
  for (const Case& c : cases())
    for (const int other : {0, 1, 2, 3}) {
      Case second = c;
      if (other == 0) second.rows.clear();
      if (other == 2) second.rows = random_rows(random, 250, c.dims, -6, 6, true);
      if (other == 3) second.rows.resize(c.rows.size() / 2);
      const Set a = made(gpu(), kGpu, c), b = made(gpu(), kGpu, second);
      const Set cpu_a = made(cpu_, kCpu, c), cpu_b = made(cpu_, kCpu, second);
      for (const bool swapped : {false, true}) {
        Tensor rows_a, rows_b, cpu_rows_a, cpu_rows_b;
        const std::int64_t before = waits();
        const Set given = gpu().unite(kGpu, swapped ? *b : *a, swapped ? *a : *b, rows_a, rows_b);
        EXPECT_LE(waits() - before, 1);
        expect_equal(given,
                     cpu_.unite(kCpu, swapped ? *cpu_b : *cpu_a, swapped ? *cpu_a : *cpu_b,
                                cpu_rows_a, cpu_rows_b),
                     c.name + " with " + std::to_string(other));
        EXPECT_EQ(values_of(rows_a), values_of(cpu_rows_a));
        EXPECT_EQ(values_of(rows_b), values_of(cpu_rows_b));
      }
    }
}

TEST_F(CoordinateSets, DoNotDependOnTheOrderOfBlocks) {
  std::mt19937 random(4);
  const Case c{"", 3, random_rows(random, 1500, 3, -20, 20, true)};
  const Geometry geometry = window(3, 3, 1, 1, 2);
  shuffle_blocks(7);
  const Set given_in = made(gpu(), kGpu, c), expected_in = made(cpu_, kCpu, c);
  expect_equal(given_in, expected_in, "make_set");
  expect_equal(gpu().expand(kGpu, *given_in, geometry, true, std::nullopt, 2, Wait::now),
               cpu_.expand(kCpu, *expected_in, geometry, true, std::nullopt, 2, Wait::now),
               "expand");
  expect_equal(gpu().downsample(kGpu, *given_in, {2, 3, 2, 1}, 2, Wait::now),
               cpu_.downsample(kCpu, *expected_in, {2, 3, 2, 1}, 2, Wait::now), "downsample");
}

}  // namespace
}  // namespace gavotte::testing_gpu
