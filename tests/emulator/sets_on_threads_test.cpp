// Coordinate sets, dense grids and the voxeliser with a std::thread for each CUDA thread, small: what
// ThreadSanitizer looks at.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "backend.h"
#include "cpu/cpu_backend.h"
#include "cuda/cuda_backend.h"
#include "emulator.h"

namespace gavotte::internal {
namespace {

class SetsOnThreads : public ::testing::Test {
 protected:
  void SetUp() override { emulator::options().engine = emulator::Engine::threads; }
  void TearDown() override { emulator::reset_options(); }

  /// Rows of distinct coordinates, not in order: `spread` apart.
  static Tensor lattice(std::int64_t rows, int dims, std::int32_t spread) {
    Tensor result(DType::int32, {rows, 1 + dims});
    for (std::int64_t row = 0; row < rows; ++row)
      for (int c = 0; c <= dims; ++c)
        result.span<std::int32_t>()[static_cast<std::size_t>(row * (1 + dims) + c)] =
            static_cast<std::int32_t>(c == 0 ? 0 : (row * 37 % rows - rows / 2) / c * spread);
    return result;
  }

  static void expect_same(const Tensor& given, const Tensor& expected) {
    ASSERT_EQ(static_cast<bool>(given), static_cast<bool>(expected));
    if (!given) return;
    ASSERT_EQ(given.shape(), expected.shape());
    const auto* a = static_cast<const unsigned char*>(given.data());
    const auto* b = static_cast<const unsigned char*>(expected.data());
    EXPECT_TRUE(std::equal(a, a + given.view().bytes(), b));
  }
  static void expect_same(const CoordinateData& given, const CoordinateData& expected) {
    expect_same(given.lattice, expected.lattice);
    expect_same(given.order, expected.order);
    EXPECT_EQ(given.box.lower, expected.box.lower);
    EXPECT_EQ(given.box.upper, expected.box.upper);
  }

  cuda::CudaBackend gpu_;
  cpu::CpuBackend cpu_;
};

TEST_F(SetsOnThreads, AreTheCpus) {
  Geometry geometry;
  geometry.dims = 2;
  geometry.scale = {2, 2, 1, 1};
  for (std::int64_t x = -1; x <= 1; ++x)
    for (std::int64_t y = -1; y <= 1; ++y) geometry.offsets.push_back({x, y});
  for (const std::int32_t spread : {1, 1'000'000}) {
    const Tensor values = lattice(90, 2, spread), others = lattice(21, 2, spread);
    const auto given = gpu_.make_set({}, values, 1), expected = cpu_.make_set({}, values, 1);
    const auto given_b = gpu_.make_set({}, others, 1), expected_b = cpu_.make_set({}, others, 1);
    expect_same(*given, *expected);
    expect_same(*gpu_.downsample({}, *given, {2, 3}, 2, Wait::now),
                *cpu_.downsample({}, *expected, {2, 3}, 2, Wait::now));
    expect_same(*gpu_.expand({}, *given, geometry, true, std::nullopt, 2, Wait::now),
                *cpu_.expand({}, *expected, geometry, true, std::nullopt, 2, Wait::now));
    Tensor rows[2], expected_rows[2];
    expect_same(*gpu_.unite({}, *given, *given_b, rows[0], rows[1]),
                *cpu_.unite({}, *expected, *expected_b, expected_rows[0], expected_rows[1]));
    for (int i = 0; i < 2; ++i) expect_same(rows[i], expected_rows[i]);
  }
  const Tensor wide = lattice(60, 4, 60'000'000);
  expect_same(*gpu_.make_set({}, wide, 1), *cpu_.make_set({}, wide, 1));
}

TEST_F(SetsOnThreads, DenseGridsAreTheCpus) {
  std::mt19937 random(3);
  Tensor dense(DType::float32, {2, 2, 5, 29}), keep(DType::uint8, {301});
  for (float& value : dense.span<float>()) value = random() % 3 == 0 ? 1.5F : 0.0F;
  for (std::uint8_t& value : keep.span<std::uint8_t>())
    value = static_cast<std::uint8_t>(random() % 2);
  Tensor lattice, features, expected_lattice, expected_features;
  gpu_.from_dense({}, dense, 0, lattice, features);
  cpu_.from_dense({}, dense, 0, expected_lattice, expected_features);
  expect_same(lattice, expected_lattice);
  expect_same(features, expected_features);
  expect_same(gpu_.kept_rows({}, keep), cpu_.kept_rows({}, keep));
  Tensor grid(DType::float32, dense.shape());
  gpu_.to_dense({}, *cpu_.make_set({}, lattice, 1), features, 0, grid);
  expect_same(grid, dense);
}

TEST_F(SetsOnThreads, VoxelsAreTheCpus) {
  std::mt19937 random(4);
  std::vector<float> rows(4 * 350);
  for (float& value : rows) value = static_cast<float>(random() % 1000) / 200.0F;
  rows[8] = std::numeric_limits<float>::quiet_NaN();
  const PointsView scan{
      .data = rows.data(), .count = 350, .stride_bytes = 16, .feature_offset = 12, .features = 1};
  const VoxelizeOptions options{.voxel_size_m = {1, 1, 1}, .reduce = Reduce::sum};
  Voxels given, expected;
  given.scan_starts = expected.scan_starts = {0, 350};
  gpu_.voxelize({}, {&scan, 1}, options, given);
  cpu_.voxelize({}, {&scan, 1}, options, expected);
  expect_same(given.coordinates, expected.coordinates);
  expect_same(given.features, expected.features);
  expect_same(given.inverse, expected.inverse);
  Tensor points(DType::float32, {350, 1}), expected_points(DType::float32, {350, 1});
  gpu_.spread_voxels({}, given.features, given.inverse, points);
  cpu_.spread_voxels({}, expected.features, expected.inverse, expected_points);
  expect_same(points, expected_points);
}

}  // namespace
}  // namespace gavotte::internal
